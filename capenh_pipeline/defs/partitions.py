"""Partitions: the shards of the store."""

import dagster as dg

from capenh_pipeline.domain.shards import shard_keys


def shard_partitions(digits: int) -> dg.StaticPartitionsDefinition:
    """Return one partition for each prefix of `digits` hex digits of the image hash.

    Static, because `dagster asset materialize --partition-range` has to work on an instance
    that has never seen the dataset.
    """
    return dg.StaticPartitionsDefinition(shard_keys(digits))
