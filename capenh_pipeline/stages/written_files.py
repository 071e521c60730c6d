"""The caption files of a shard that are on disk as they are wanted."""

from functools import cached_property
from pathlib import Path

import polars as pl

from capenh_pipeline.buckets import Buckets, together
from capenh_pipeline.domain.identity import sha256_hex
from capenh_pipeline.domain.schemas import CAPTION_FILES, IMAGE_MANIFEST
from capenh_pipeline.domain.shards import shard_keys, shard_number, shard_numbers
from capenh_pipeline.export.comparison import content_of, unchanged_files
from capenh_pipeline.places.kept_rows import keep_rows, kept_rows
from capenh_pipeline.places.place import Place
from capenh_pipeline.stages.ledger import apart_by_folders, ledger_of, shards_of_files
from capenh_pipeline.stages.run import Run
from capenh_pipeline.tables.faults import writing

_KEY = ["path", "content_hash"]
_COLUMNS = [*_KEY, "path_bytes", "size_bytes", "mtime_ns", "ctime_ns"]
_SCHEMA = {name: CAPTION_FILES.columns[name] for name in _COLUMNS}


class LedgerCopies:
    """Copies of the ledger, each of what one shard of images needs of it.

    The ledger is sharded by the files' own paths, so that the files of a shard of images are all
    over it. A copy cannot be wrong: a file that still has the size and times that it had holds
    what it held. Where copies of several shards are missing, the ledger is read once for all.
    """

    def __init__(self, run: Run) -> None:
        """Read nothing yet."""
        self._run = run
        self._missing: set[str] = set()  # shards that were asked for, and have no copy

    def of(self, shard: str) -> pl.DataFrame:
        """Return what is known of the caption files of a shard."""
        known = kept_rows(self._path(shard), _SCHEMA)
        if known is not None:
            return known
        self._missing.add(shard)
        is_one = len(self._run.shards) == 1
        return pl.DataFrame(schema=_SCHEMA) if is_one else self._made.read([shard_number(shard)])

    def keep(self, shard: str, rows: pl.DataFrame, *, before: pl.DataFrame) -> None:
        """Keep what is known now.

        Args:
            shard: its key.
            rows: them.
            before: what `of` has returned.

        Raises:
            StoreError: the disk is full or cannot be written.
        """
        if shard in self._missing or not rows.equals(before):
            path = self._path(shard)
            with writing(path):
                keep_rows(path, rows)

    def _path(self, shard: str) -> Place:
        return self._run.store.root / "settled" / CAPTION_FILES.name / shard

    @cached_property
    def _made(self) -> Buckets:
        run = self._run
        made = Buckets(_SCHEMA, len(shard_keys(run.store.shard_digits)), folder=run.scratch)
        ledger = apart_by_folders(run, CAPTION_FILES, columns=[*_COLUMNS, "image_path"])
        if not any(ledger.rows):
            return made
        images = apart_by_folders(run, IMAGE_MANIFEST, columns=["path", "shard_hash"])
        for buckets in together(ledger, images):  # a caption file is in the folder of its image
            shards = images.read(buckets).select(image_path="path", shard="shard_hash")
            rows = ledger.read(buckets).join(shards, on="image_path")
            made.add(rows, shard_numbers(rows["shard"], digits=run.store.shard_digits))
        return made


class WrittenFiles:
    """What is known of the caption files of a run's only shard."""

    def __init__(self, run: Run, copies: LedgerCopies) -> None:
        """Read what is known of the run's shard.

        Args:
            run: over one shard.
            copies: of the ledger.
        """
        self._run = run
        self._copies = copies
        self._known = copies.of(run.shards[0])
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
        self._copies.keep(self._run.shards[0], known, before=self._known)
