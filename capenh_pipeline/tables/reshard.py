"""Resharding: the rows of a store move to other shards, and no moment in it loses one.

The new shards are written beside the old ones, whose folders have other names; then `store.json`
says which of both count; then the old ones are deleted. Stopped anywhere, the shards that do not
count are leftovers, and the others hold every row. A run that sees no lock (on another host) may
write meanwhile: no part is deleted but those that were copied.
"""

from dataclasses import replace

import polars as pl

from capenh_pipeline.domain.schemas import TABLES
from capenh_pipeline.domain.shards import HEX_DIGITS
from capenh_pipeline.tables.marker import change_shard_digits
from capenh_pipeline.tables.parts import Part, list_parts
from capenh_pipeline.tables.shard import Shard
from capenh_pipeline.tables.store import Store
from capenh_pipeline.tables.table import Table

Parts = list[tuple[Shard, list[Part]]]


def reshard(store: Store, digits: int) -> Store:
    """Return the store with `16 ** digits` shards a table; nothing is done if it has them.

    Raises:
        StoreError: a part cannot be read, or the disk cannot be written; run it again later.
    """
    settle_leftovers(store)
    if digits == store.shard_digits:
        return store
    resharded = replace(store, shard_digits=digits)
    copied = [_copy(store.table(schema), resharded.table(schema)) for schema in TABLES]
    change_shard_digits(store.root, digits)
    for parts in copied:
        _remove(parts)
    return resharded


def leftovers(table: Table) -> Table | None:
    """Return the shards that lie beside those of the table and do not count; None without any."""
    other = replace(table, shard_digits=3 - table.shard_digits)
    return other if other.shards() else None


def has_leftover_rows(store: Store) -> bool:
    """Return whether there are parts in shards that do not count.

    A row that is deleted meanwhile would come back from them when they are settled.
    """
    others = [other for schema in TABLES if (other := leftovers(store.table(schema)))]
    return any(list_parts(shard.folder) for other in others for shard in other.shards().values())


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
            _remove(_copy(other, table))
            settled += 1
    return settled


def _copy(source: Table, target: Table) -> Parts:
    """Copy all rows, a sixteenth at a time; the shards of either beginning have it in common.

    A shard of a snapshot that is there is whole and of today: it takes none of an earlier one.

    Returns:
        The parts whose rows were copied.
    """
    copied: Parts = []
    whole = [key for key, shard in target.shards().items() if shard.visible_parts()]
    place = pl.col(target.schema.shard_by).str.head(target.shard_digits)
    is_welcome = ~place.is_in(whole if target.schema.is_snapshot else [])
    for first in HEX_DIGITS:
        shards = {key: shard for key, shard in source.shards().items() if key.startswith(first)}
        copied += _parts(shards)  # before they are read: a part that comes later is not among them
        if shards:
            rows = [shard.read_whole() for shard in shards.values()]
            target.adopt(pl.concat(rows, how="diagonal_relaxed").filter(is_welcome))
    return copied


def _parts(shards: dict[str, Shard]) -> Parts:
    return [(shard, list_parts(shard.folder)) for shard in shards.values()]


def _remove(copied: Parts) -> None:
    for shard, parts in copied:
        shard.remove(parts)
