"""The ledger of caption files, and other tables that are kept by the paths of files."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import polars as pl

from capenh_pipeline.buckets import FolderBuckets
from capenh_pipeline.domain.paths import path_hash
from capenh_pipeline.domain.schemas import CAPTION_FILES, TableSchema
from capenh_pipeline.domain.shards import shard_keys, shard_of
from capenh_pipeline.stages.run import Run

_MANY = 5_000
_REQUESTS = 16  # to object storage, that are waited for together


def shards_of_files(run: Run, files: pl.DataFrame) -> list[str]:
    """Return the shards that hold what is kept of some files by their paths.

    Of many files that is every shard, and nobody counts.
    """
    if files.height > _MANY:
        return list(shard_keys(run.store.shard_digits))
    paths = files.select("path", "path_bytes").iter_rows()
    return sorted({shard_of(path_hash(*path), digits=run.store.shard_digits) for path in paths})


def ledger_of(
    run: Run, files: pl.DataFrame, *, columns: Sequence[str] | None = None
) -> pl.DataFrame:
    """Return what the ledger knows of some files; nothing is read for none.

    Args:
        run: its store.
        files: with `path` and `path_bytes`.
        columns: which of the ledger's, `path` among them; None for all.
    """
    return _rows_among(run, CAPTION_FILES, shards_of_files(run, files), files, columns=columns)


def _rows_among(
    run: Run,
    schema: TableSchema,
    shards: Sequence[str],
    files: pl.DataFrame,
    *,
    columns: Sequence[str] | None,
) -> pl.DataFrame:
    """Return the rows of some files in some shards of a table, of which few are held at once."""
    table = run.store.table(schema)
    at_once = 1 if isinstance(run.store.root, Path) else _REQUESTS
    groups = [shards[first : first + at_once] for first in range(0, len(shards), at_once)]
    rows = (table.read(some, columns=columns) for some in [[], *groups])
    return pl.concat(some.join(files, on="path", how="semi") for some in rows)


class FileRows:
    """What a table with paths says of files, for one portion of them after another.

    For few files, the shards that hold them are read. For many, be it in one portion or in all
    together, the whole table is read once, and put apart by folders.
    """

    def __init__(self, run: Run, schema: TableSchema, *, columns: Sequence[str]) -> None:
        """Read nothing yet.

        Args:
            run: its store.
            schema: of the table.
            columns: which of it, `path` among them.
        """
        self._run = run
        self._schema = schema
        self._columns = columns
        self._shards_left = 2 * len(shard_keys(run.store.shard_digits))  # to read before that

    def of(self, files: pl.DataFrame) -> pl.DataFrame:
        """Return the rows of some files, in a table that is kept by paths; none are read for none.

        Args:
            files: with `path` and `path_bytes`.

        Raises:
            StoreError: the store cannot be read, or the disk is full.
        """
        return self.among(shards_of_files(self._run, files), files)

    def among(self, shards: Sequence[str], files: pl.DataFrame) -> pl.DataFrame:
        """Return the rows of some files, which are in some shards.

        Args:
            shards: their keys.
            files: with `path`.

        Raises:
            StoreError: as in `of`.
        """
        if files.height <= _MANY:
            self._shards_left -= len(shards)
            if self._shards_left >= 0:
                return _rows_among(self._run, self._schema, shards, files, columns=self._columns)
        return self.by_folder.beside(files["path"]).join(files, on="path", how="semi")

    @cached_property
    def by_folder(self) -> FolderBuckets:
        """All rows, apart by folders."""
        return apart_by_folders(self._run, self._schema, columns=self._columns)


def apart_by_folders(run: Run, schema: TableSchema, *, columns: Sequence[str]) -> FolderBuckets:
    """Return the rows of a table that has paths, read shard by shard, apart by folders.

    Args:
        run: its store.
        schema: of the table.
        columns: which of it, `path` among them.
    """
    kinds = {name: schema.columns[name] for name in columns}
    found = FolderBuckets(kinds, folder=run.scratch)
    for shard in shard_keys(run.store.shard_digits):
        found.append(run.store.table(schema).read([shard], columns=columns))
    return found
