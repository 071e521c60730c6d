"""Partitions: the shards of the store."""

from collections.abc import Sequence

import dagster as dg

from capenh_pipeline.domain.shards import shard_keys


def shard_partitions(digits: int) -> dg.StaticPartitionsDefinition:
    """Return one partition for each prefix of `digits` hex digits of the image hash.

    Static, because `dagster asset materialize --partition-range` has to work on an instance
    that has never seen the dataset.
    """
    return dg.StaticPartitionsDefinition(shard_keys(digits))


def last_told(partitions: dg.PartitionsDefinition, shards: Sequence[str]) -> str:
    """Return the shard whose materialization comes last: the asset's page shows that one.

    Dagster 1.13 tells of the partitions of a run in the order of this set of theirs.
    """
    return [*partitions.empty_subset().with_partition_keys(shards).get_partition_keys()][-1]
