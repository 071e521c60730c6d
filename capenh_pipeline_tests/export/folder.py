"""A dataset folder with caption files, whose ledger can die as a killed run does."""

from datetime import UTC, datetime

import polars as pl
import pytest

from capenh_pipeline.domain.schemas import CAPTION_FILES
from capenh_pipeline.export.caption_files import Stamp, write_caption_files

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class Killed(BaseException):
    """Ends a run as a kill does: nothing more is written."""


class Dataset:
    """A dataset folder and the ledger of its caption files."""

    def __init__(self, root, *, run_id="run-1"):
        self.root = root
        self.run_id = run_id
        self.entries = []
        self.dies = None
        self.while_writing = lambda: None

    def record(self, rows):
        is_first_entry = rows["size_bytes"].is_null().all()
        if self.dies == "after writing" and not is_first_entry:
            raise Killed
        self.entries.append(rows)
        if self.dies == "before writing" and is_first_entry:
            raise Killed
        if is_first_entry:
            self.while_writing()

    @property
    def ledger(self):
        empty = pl.DataFrame(schema=CAPTION_FILES.columns)
        rows = pl.concat([empty, *self.entries])
        return rows.unique(["path", "path_bytes"], keep="last", maintain_order=True)

    def export(self, texts, *, overwrite=False):
        return write_caption_files(
            wanted(texts),
            self.ledger,
            root=self.root,
            overwrite=overwrite,
            record=self.record,
            stamp=Stamp(run_id=self.run_id, now=NOW),
        )

    def die(self, texts, *, when):
        """Export, and get killed between the two entries in the ledger."""
        self.dies = when
        with pytest.raises(Killed):
            self.export(texts)
        self.dies = None

    def files(self):
        return {
            str(path.relative_to(self.root)): path.read_bytes()
            for path in sorted(self.root.rglob("*"))
            if path.is_file()
        }


def wanted(texts):
    paths = [path if isinstance(path, tuple) else (path, None) for path in texts]
    return pl.DataFrame(
        {
            "path": [path for path, _ in paths],
            "path_bytes": pl.Series([content for _, content in paths], dtype=pl.Binary),
            "image_hash": ["ab" * 32] * len(paths),
            "image_path": ["a.png"] * len(paths),
            "kind": ["combined"] * len(paths),
            "text": list(texts.values()),
        }
    )
