"""What people wrote about each image, put beside what is known of its file."""

from typing import Any

import polars as pl

from capenh_pipeline.dataset.manual_captions import read_manual_caption
from capenh_pipeline.domain.identity import sha256_hex
from capenh_pipeline.domain.paths import encode_path, stored_path, system_path
from capenh_pipeline.domain.schemas import CAPTION_FILES, FAILED
from capenh_pipeline.errors import RowError
from capenh_pipeline.files import read_regular_file
from capenh_pipeline.stages.run import Run
from capenh_pipeline.stages.sidecar_plan import Sidecars


class ManualCaptions:
    """Reads manual captions, and knows which text files are ours."""

    def __init__(self, run: Run, sidecars: dict[str, Sidecars]) -> None:
        self._dataset = run.dataset
        self._sidecars = sidecars
        ledger = run.store.table(CAPTION_FILES).read(columns=["path", "image_path", "content_hash"])
        self._ours = {path: (owner, content) for path, owner, content in ledger.iter_rows()}

    def added_to(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return `rows` with a `manual_caption`, failed where it cannot be read.

        An image that failed itself keeps its own error.
        """
        captions, kinds, errors = [], [], []
        for path in rows["path"]:
            caption, kind, error = self._read(path)
            captions.append(caption)
            kinds.append(kind)
            errors.append(error)
        failed = pl.col("error_kind").is_null() & pl.col("caption_kind").is_not_null()
        return rows.with_columns(
            pl.Series("manual_caption", captions, pl.String),
            pl.Series("caption_kind", kinds, pl.String),
            pl.Series("caption_error", errors, pl.String),
        ).with_columns(
            status=pl.when(failed).then(pl.lit(FAILED)).otherwise("status"),
            error_kind=pl.when(failed).then("caption_kind").otherwise("error_kind"),
            error=pl.when(failed).then("caption_error").otherwise("error"),
        )

    def _read(self, path: str) -> tuple[str | None, str | None, str | None]:
        try:
            for candidate in self._sidecars[path].manual:
                if not self._is_ours_for_another(candidate, path):
                    caption = read_manual_caption(system_path(self._dataset, candidate))
                    if caption is not None:
                        return caption, None, None
        except RowError as error:
            return None, error.kind, str(error)
        return None, None, None

    def _is_ours_for_another(self, candidate: str, image_path: str) -> bool:
        """Return whether we wrote that file for another image and nobody has edited it since.

        `a_combined.txt` was written for `a.jpg`; when `a_combined.jpg` lands, it is not what a
        person wrote about that one.
        """
        entry: tuple[Any, Any] | None = self._ours.get(stored_path(encode_path(candidate))[0])
        if entry is None or entry[0] == image_path:
            return False
        try:
            content = read_regular_file(system_path(self._dataset, candidate))
        except OSError:
            return False
        return sha256_hex(content) == entry[1]
