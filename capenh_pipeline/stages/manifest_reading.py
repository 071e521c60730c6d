"""What the rows of the manifest say, read from images and the text files beside them."""

from typing import Any, NamedTuple, Self

import polars as pl

from capenh_pipeline.dataset.scan import is_text_file
from capenh_pipeline.domain.paths import path_hash
from capenh_pipeline.domain.schemas import CAPTION_FILES
from capenh_pipeline.domain.sidecars import SidecarPlan
from capenh_pipeline.stages.ledger import FileRows
from capenh_pipeline.stages.manual_captions import OURS, caption_candidates, with_manual_captions
from capenh_pipeline.stages.portion import Portion
from capenh_pipeline.stages.run import Run
from capenh_pipeline.stages.scan_index import FileReader, ScanIndex
from capenh_pipeline.stages.scanning import Scan


class Reading(NamedTuple):
    """What some images are.

    Attributes:
        files: the images and what may be their manual captions, in the columns `FILE`.
        content: of them, what the scan index says.
        rows: the images' rows of the manifest, without a date.
    """

    files: pl.DataFrame
    content: pl.DataFrame
    rows: pl.DataFrame


class Reader:
    """Finds out what images are; a file is opened only if its content is not known.

    Use it as a context manager, in which one portion is read after another.
    """

    def __init__(self, run: Run, scan: Scan) -> None:
        """Read nothing yet."""
        self.index = ScanIndex(run)
        self._run = run
        self._scan = scan
        self._ledger = FileRows(run, CAPTION_FILES, columns=OURS)
        self._files = FileReader(run)

    def __enter__(self) -> Self:
        self._files.__enter__()
        return self

    def __exit__(self, *raised: Any) -> None:
        self._files.__exit__(*raised)

    def read(self, portion: Portion, images: pl.DataFrame) -> Reading:
        """Return what images are.

        Args:
            portion: of the scan, whose images they are.
            images: in the columns `FILE`.

        Raises:
            StoreError: the store cannot be read or written.
        """
        files = files_to_read(self._run, portion, images)
        content = self.index.known(files)
        unknown = files.join(content, on="path", how="anti")
        if unknown.height:
            frames = self._files.read(unknown, lambda: self._unknown(unknown))
            content = pl.concat([content, *(frame.select(content.columns) for frame in frames)])
        return Reading(files, content, self._rows(portion.plan, content))

    def _unknown(self, files: pl.DataFrame) -> int:
        """Return how many files there are to read in all portions, of which `files` are some."""
        if self._scan.is_one_portion:
            return files.height
        portions = self._scan.portions()
        wanted = (files_to_read(self._run, portion, portion.to_look_at) for portion in portions)
        return sum(some.height - self.index.known(some).height for some in wanted)

    def _rows(self, plan: SidecarPlan, content: pl.DataFrame) -> pl.DataFrame:
        is_text = pl.Series([is_text_file(path) for path in content["path"]], dtype=pl.Boolean)
        texts, images = content.filter(is_text), content.filter(~is_text)
        images = images.drop("caption", "text_hash", "is_racy")
        ledger = self._ledger.of(texts)
        return _with_shards(with_manual_captions(images, _sidecars(plan, images), texts, ledger))


def files_to_read(run: Run, portion: Portion, images: pl.DataFrame) -> pl.DataFrame:
    """Return the files that the manifest of some images is made from, in the columns `FILE`.

    Args:
        run: its dataset.
        portion: whose images they are.
        images: some of them, in the same columns.
    """
    sidecars = _sidecars(portion.plan, images)
    return pl.concat([images, caption_candidates(run, sidecars, portion.texts)])


def _sidecars(plan: SidecarPlan, files: pl.DataFrame) -> pl.DataFrame:
    return plan.files.join(files, on="path", how="semi", maintain_order="left")


def _with_shards(rows: pl.DataFrame) -> pl.DataFrame:
    """Add the hash that names a row's shard: the image's, or its path's where it has none."""
    unread = rows.filter(pl.col("image_hash").is_null()).select("path", "path_bytes")
    hashes = [(path, path_hash(path, path_bytes)) for path, path_bytes in unread.iter_rows()]
    columns = {"path": pl.String, "path_hash": pl.String}
    by_path = pl.DataFrame(hashes, schema=columns, orient="row")
    return rows.join(by_path, on="path", how="left", maintain_order="left").with_columns(
        shard_hash=pl.coalesce("image_hash", "path_hash")
    )
