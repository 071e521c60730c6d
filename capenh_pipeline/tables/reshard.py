"""Resharding: the rows of a store move to other shards, and no moment in it loses one.

The new shards are written beside the old ones, whose folders have other names; then `store.json`
says which of both count; then the old ones are deleted. Stopped anywhere, the shards that do not
count are leftovers, and the others hold every row.
"""

from dataclasses import replace

import polars as pl

from capenh_pipeline.domain.schemas import TABLES
from capenh_pipeline.domain.shards import HEX_DIGITS
from capenh_pipeline.tables.marker import change_shard_digits
from capenh_pipeline.tables.store import Store
from capenh_pipeline.tables.table import Table


def reshard(store: Store, digits: int) -> Store:
    """Return the store with `16 ** digits` shards a table; nothing is done if it has them.

    Raises:
        StoreError: a part cannot be read, or the disk cannot be written; run it again later.
    """
    settle_leftovers(store)
    if digits == store.shard_digits:
        return store
    resharded = replace(store, shard_digits=digits)
    for schema in TABLES:
        _copy(store.table(schema), resharded.table(schema))
    change_shard_digits(store.root, digits)
    for schema in TABLES:
        _remove(store.table(schema))
    return resharded


def leftovers(table: Table) -> Table | None:
    """Return the shards that lie beside those of the table and do not count; None without any."""
    other = replace(table, shard_digits=3 - table.shard_digits)
    return other if other.shards() else None


def settle_leftovers(store: Store) -> int:
    """Delete the shards that do not count; first their rows that the others lack are moved there.

    There are such rows only if somebody has edited `store.json`, or has run an older store there.

    Returns:
        How many tables had such shards.

    Raises:
        StoreError: a part cannot be read, or the disk cannot be written.
    """
    settled = 0
    for schema in TABLES:
        table = store.table(schema)
        if other := leftovers(table):
            if not (schema.is_snapshot and _has_parts(table)):  # an old snapshot has nothing to add
                _copy(other, table)
            _remove(other)
            settled += 1
    return settled


def _copy(source: Table, target: Table) -> None:
    """Copy all rows, a sixteenth at a time; the shards of either beginning have it in common."""
    shards = source.shards()
    for first in HEX_DIGITS:
        rows = [shard.read_whole() for key, shard in shards.items() if key.startswith(first)]
        if rows:
            target.adopt(pl.concat(rows, how="diagonal_relaxed"))


def _remove(table: Table) -> None:
    for shard in table.shards().values():
        shard.remove()


def _has_parts(table: Table) -> bool:
    return any(shard.visible_parts() for shard in table.shards().values())
