"""The caption files of a shard that are on disk as they are wanted."""

import io
from pathlib import Path

import polars as pl

from capenh_pipeline.domain.identity import sha256_hex
from capenh_pipeline.domain.schemas import CAPTION_FILES
from capenh_pipeline.export.comparison import content_of, unchanged_on_disk
from capenh_pipeline.files import make_folder, write_atomically
from capenh_pipeline.stages.ledger import ledger_of, shards_of_files
from capenh_pipeline.stages.run import Run
from capenh_pipeline.tables.faults import writing

_KEY = ["path", "image_hash", "content_hash"]
_COLUMNS = [*_KEY, "path_bytes", "size_bytes", "mtime_ns", "ctime_ns"]
_SCHEMA = {name: CAPTION_FILES.columns[name] for name in _COLUMNS}


class WrittenFiles:
    """What is known of the caption files of a run's only shard.

    It stands in the ledger, but that is sharded by the files' own paths, so that the files of one
    shard of images are all over it. Here is a copy of what one shard needs. It cannot be wrong: a
    file that still has the size and times that it had holds what it held.
    """

    def __init__(self, run: Run) -> None:
        """Read what is known of the run's shard."""
        self._run = run
        self._path = run.store.root / "settled" / CAPTION_FILES.name / f"{run.shards[0]}.parquet"
        self._known = _read(self._path)
        self._found = [self._known.clear()]
        self._moved = self._known.clear()
        self.ledger_shards: set[str] = set()

    def without_unchanged(self, wanted: pl.DataFrame) -> pl.DataFrame:
        """Return the wanted files but those that are there with the wanted text.

        Args:
            wanted: as for `write_caption_files`.
        """
        hashes = [sha256_hex(content_of(text)) for text in wanted["text"]]
        hashed = wanted.with_columns(pl.Series("content_hash", hashes, pl.String))
        known = self._known.join(hashed, on=_KEY, how="semi")
        self._found = [unchanged_on_disk(known, root=self._run.dataset)]
        doubtful = hashed.join(self._found[0], on=_KEY, how="anti")
        owners = doubtful.select("path", "content_hash", pl.col("image_hash").alias("owner"))
        ledger = ledger_of(self._run, doubtful, columns=_COLUMNS)
        ledger = ledger.join(owners, on=["path", "content_hash"])
        there = unchanged_on_disk(ledger, root=self._run.dataset)
        self._moved = there.filter(pl.col("owner") != pl.col("image_hash"))
        self._found.append(there.with_columns(image_hash="owner").select(_COLUMNS))
        return doubtful.join(there, on=["path", "content_hash"], how="anti").drop("content_hash")

    def record(self, rows: pl.DataFrame) -> None:
        """Add rows to the ledger; they are on disk when this returns.

        Raises:
            StoreError: the disk is full or cannot be written.
        """
        self._run.store.table(CAPTION_FILES).append(rows)
        self.ledger_shards.update(shards_of_files(self._run, rows))
        self._found.append(rows.drop_nulls("size_bytes").select(_COLUMNS))

    def are_older_than(self, time_ns: int) -> bool:
        """Return whether no file was changed since, in nanoseconds since 1970."""
        return all((found["ctime_ns"] < time_ns).all() for found in self._found)

    def save(self) -> None:
        """Keep what is known now.

        A file that is another image's now is so in the ledger too: it tells whose shard is to be
        looked at when the file changes.

        Raises:
            StoreError: the disk is full or cannot be written.
        """
        if self._moved.height:
            rows = ledger_of(self._run, self._moved)
            owners = self._moved.select("path", pl.col("owner").alias("image_hash"))
            self.record(rows.drop("image_hash").join(owners, on="path"))
        known = pl.concat(self._found).unique("path", keep="last").sort("path")
        if known.equals(self._known):
            return
        content = io.BytesIO()
        known.write_parquet(content, compression="zstd")
        with writing(self._path):
            make_folder(self._path.parent)
            write_atomically(self._path, content.getvalue())


def _read(path: Path) -> pl.DataFrame:
    try:
        rows = pl.read_parquet(path.read_bytes())
    except (OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException):
        return pl.DataFrame(schema=_SCHEMA)
    return rows if dict(rows.schema) == _SCHEMA else pl.DataFrame(schema=_SCHEMA)
