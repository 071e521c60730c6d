"""The rows of the manifest that a run works on."""

import polars as pl

from capenh_pipeline.domain.schemas import IMAGE_MANIFEST
from capenh_pipeline.stages.run import Run


def manifest_rows(run: Run) -> pl.DataFrame:
    """Return the manifest rows of the run's shards, in path order, within `limit`.

    The limit counts over the whole dataset, so that it means the same images whatever shards
    a run covers.
    """
    table = run.store.table(IMAGE_MANIFEST)
    if run.options.limit is None:
        return table.read(run.shards).sort("path")
    rows = table.read().sort("path").head(run.options.limit)
    shard = pl.col("shard_hash").str.slice(0, run.store.shard_digits)
    return rows.filter(shard.is_in(list(run.shards)))
