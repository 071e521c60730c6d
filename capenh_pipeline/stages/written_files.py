"""The caption files of a shard that are on disk as they are wanted."""

from pathlib import Path

import polars as pl

from capenh_pipeline.domain.identity import sha256_hex
from capenh_pipeline.domain.schemas import CAPTION_FILES
from capenh_pipeline.export.comparison import content_of, unchanged_files
from capenh_pipeline.stages.ledger import ledger_of, shards_of_files
from capenh_pipeline.stages.run import Run
from capenh_pipeline.tables.kept_rows import keep_rows, kept_rows

_KEY = ["path", "content_hash"]
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
        self._path = run.store.root / "settled" / CAPTION_FILES.name / run.shards[0]
        known = kept_rows(self._path, _SCHEMA)
        self._known = pl.DataFrame(schema=_SCHEMA) if known is None else known
        self._found = [self._known.clear()]
        self.ledger_shards: set[str] = set()

    def without_unchanged(self, wanted: pl.DataFrame) -> pl.DataFrame:
        """Return the wanted files but those that are there with the wanted text.

        Args:
            wanted: as for `write_caption_files`.
        """
        hashes = [sha256_hex(content_of(text)) for text in wanted["text"]]
        hashed = wanted.with_columns(pl.Series("content_hash", hashes, pl.String))
        known = self._known.join(hashed, on=_KEY, how="semi")
        self._found = [unchanged_files(known, root=self._run.dataset)]
        doubtful = hashed.join(self._found[0], on=_KEY, how="anti")
        ledger = ledger_of(self._run, doubtful, columns=_COLUMNS)
        written = ledger.join(doubtful, on=_KEY, how="semi")
        self._found.append(unchanged_files(written, root=self._run.dataset))
        return doubtful.join(self._found[1], on=_KEY, how="anti").drop("content_hash")

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
        changed = "ctime_ns" if isinstance(self._run.dataset, Path) else "mtime_ns"
        return all((found[changed] < time_ns).all() for found in self._found)

    def save(self) -> None:
        """Keep what is known now.

        Raises:
            StoreError: the disk is full or cannot be written.
        """
        known = pl.concat(self._found).unique("path", keep="last").sort("path")
        if not known.equals(self._known):
            keep_rows(self._path, known)
