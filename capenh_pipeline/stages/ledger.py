"""The ledger of caption files, and other tables that are kept by the paths of files."""

from collections.abc import Sequence

import polars as pl

from capenh_pipeline.domain.paths import path_hash
from capenh_pipeline.domain.schemas import CAPTION_FILES
from capenh_pipeline.domain.shards import shard_keys, shard_of
from capenh_pipeline.stages.run import Run

_MANY = 5_000


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
    rows = run.store.table(CAPTION_FILES).read(shards_of_files(run, files), columns=columns)
    return rows.join(files, on="path", how="semi")
