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
    return _rows_of(run, CAPTION_FILES, files, columns=columns)


def _rows_of(
    run: Run, schema: TableSchema, files: pl.DataFrame, *, columns: Sequence[str] | None
) -> pl.DataFrame:
    shards = shards_of_files(run, files)
    return rows_among(run, schema, shards, files, columns=columns)


def rows_among(
    run: Run,
    schema: TableSchema,
    shards: Sequence[str],
    files: pl.DataFrame,
    *,
    columns: Sequence[str] | None = None,
) -> pl.DataFrame:
    """Return the rows of some files in some shards of a table, of which few are held at once.

    Args:
        run: its store.
        schema: of the table.
        shards: their keys.
        files: with `path`.
        columns: which of the table's, `path` among them; None for all.
    """
    table = run.store.table(schema)
    at_once = 1 if isinstance(run.store.root, Path) else _REQUESTS
    groups = [shards[first : first + at_once] for first in range(0, len(shards), at_once)]
    rows = (table.read(some, columns=columns) for some in [[], *groups])
    return pl.concat(some.join(files, on="path", how="semi") for some in rows)


class ByPath:
    """What a table says of files by whose paths it is kept, for one portion of them after another.

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
        """Return the rows of some files; nothing is read for none.

        Args:
            files: with `path` and `path_bytes`.

        Raises:
            StoreError: the store cannot be read, or the disk is full.
        """
        if files.height <= _MANY:
            self._shards_left -= len(shards_of_files(self._run, files))
            if self._shards_left >= 0:
                return _rows_of(self._run, self._schema, files, columns=self._columns)
        return self._by_folder.beside(files["path"]).join(files, on="path", how="semi")

    @cached_property
    def _by_folder(self) -> FolderBuckets:
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
