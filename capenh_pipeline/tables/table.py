"""A table: rows spread over shards, of which a reader sees the newest of every key."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import polars as pl

from capenh_pipeline.domain.schemas import TableSchema
from capenh_pipeline.domain.shards import shard_keys
from capenh_pipeline.places.place import Place, each
from capenh_pipeline.tables.faults import reading
from capenh_pipeline.tables.parts import Part, list_parts_of_all
from capenh_pipeline.tables.rows import Columns, conform
from capenh_pipeline.tables.shard import MAX_PARTS, Shard


@dataclass(frozen=True)
class Table:
    """One Parquet table of a store.

    Attributes:
        folder: `<store>/<table>`; it need not exist before the first row.
        schema: columns, key, and whether parts add up or replace one another.
        shard_digits: of the store.
    """

    folder: Place
    schema: TableSchema
    shard_digits: int

    def read(
        self, shards: Sequence[str] | None = None, *, columns: Sequence[str] | None = None
    ) -> pl.DataFrame:
        """Return the newest row of every key, shard by shard, in the order of writing.

        Args:
            shards: which shards, None for all; one without rows gives none.
            columns: which of the schema's columns, None for all; others are not read from disk.

        Raises:
            StoreError: a part cannot be read; the message names it.
        """
        names = self.schema.columns if columns is None else columns
        wanted = {name: self.schema.columns[name] for name in names}
        keys = shard_keys(self.shard_digits) if shards is None else dict.fromkeys(shards)
        listed = {} if isinstance(self.folder, Path) else self._list_parts([*keys])
        read = partial(self._read_shard, columns=wanted, listed=listed)
        frames = each(read, [*keys], places=[self.folder])
        return pl.concat([pl.DataFrame(schema=wanted), *frames])

    def append(self, rows: pl.DataFrame) -> None:
        """Add `rows`; where a key was there before, the new row takes its place.

        One part is written for each shard touched, and all are durable when this returns.

        Args:
            rows: in any subset of the schema's columns that has the key; the rest is null.

        Raises:
            StoreError: the disk is full or cannot be written.
            ValueError: the rows do not fit the schema, or the table is a snapshot.
        """
        if self.schema.is_snapshot:
            raise ValueError(f"{self.schema.name} is a snapshot: replace its shards")
        by_shard = self._by_shard(rows)
        each(lambda key: self.shard(key).append(by_shard[key]), [*by_shard], places=[self.folder])

    def replace(self, shard: str, rows: pl.DataFrame) -> None:
        """Make `rows` the whole of `shard`; nothing is written when they are there already.

        Args:
            shard: its key.
            rows: all of this shard, in any order; see `append` for the columns.

        Raises:
            StoreError: the disk is full or cannot be written.
            ValueError: rows of another shard, or the table is not a snapshot.
        """
        if not self.schema.is_snapshot:
            raise ValueError(f"{self.schema.name} is not a snapshot: append to it")
        by_shard = self._by_shard(rows)
        if others := by_shard.keys() - {shard}:
            raise ValueError(f"rows of shard {', '.join(sorted(others))} are not of {shard}")
        empty = pl.DataFrame(schema=self.schema.columns)
        self.shard(shard).replace(by_shard.get(shard, empty))

    def compact(self, shards: Sequence[str], *, most_parts: int = MAX_PARTS) -> None:
        """Merge parts where rows are superseded or parts are many; readers see no change.

        Afterwards any Parquet reader, not only this one, finds one row a key in `shards`.

        Args:
            shards: their keys.
            most_parts: how many are not many.

        Raises:
            StoreError: a part cannot be read, or the disk cannot be written.
        """
        for shard in dict.fromkeys(shards):
            self.shard(shard).compact(most_parts=most_parts)

    def part_names(self, shards: Sequence[str]) -> dict[str, list[str]]:
        """Return the names of the parts that a reader of each shard sees.

        Parts are immutable and no name is used twice: equal names are equal rows.

        Raises:
            StoreError: the folder cannot be read.
        """
        return {
            key: [part.path.name for part in self.shard(key).visible(parts)]
            for key, parts in self._list_parts(shards).items()
        }

    def _read_shard(
        self, key: str, *, columns: Columns, listed: Mapping[str, list[Part]]
    ) -> pl.DataFrame:
        return self.shard(key).read(columns, listed.get(key))

    def _list_parts(self, shards: Sequence[str]) -> dict[str, list[Part]]:
        folders = [self.shard(key).folder for key in shards]
        return dict(zip(shards, list_parts_of_all(folders), strict=True))

    def shards(self) -> dict[str, Shard]:
        """Return the shards that have a folder, by key, in order.

        Raises:
            StoreError: the table's folder cannot be read.
        """
        with reading(self.folder):
            try:
                names = {folder.name for folder in self.folder.iterdir()}
            except FileNotFoundError:
                return {}
        keys = shard_keys(self.shard_digits)
        return {key: self.shard(key) for key in keys if f"shard={key}" in names}

    def adopt(self, rows: pl.DataFrame) -> None:
        """Add rows that were stored elsewhere to their shards; see `Shard.adopt`."""
        for key, some in self._groups(rows):
            self.shard(key).adopt(some)

    def delete(self, rows: pl.DataFrame) -> None:
        """Take rows out; a crash leaves some of them, and all others.

        Args:
            rows: the key and the column that names the shard of each, at least.

        Raises:
            StoreError: a part cannot be read, or the disk cannot be written.
        """
        for key, some in self._groups(rows):
            self.shard(key).rewrite(without=some.select(self.schema.key))

    def shard(self, key: str) -> Shard:
        """Return one shard; it need not have rows."""
        return Shard(self.folder / f"shard={key}", self.schema)

    def _by_shard(self, rows: pl.DataFrame) -> dict[str, pl.DataFrame]:
        if rows.is_empty():
            return {}
        by_shard = dict(self._groups(conform(rows, self.schema)))
        if strangers := by_shard.keys() - set(shard_keys(self.shard_digits)):
            raise ValueError(f"{self.schema.shard_by} must be hex digits, not {strangers}")
        return by_shard

    def _groups(self, rows: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
        """Yield rows by the key of their shard."""
        shard = pl.col(self.schema.shard_by).str.head(self.shard_digits)
        for (key,), some in rows.group_by(shard.alias("shard"), maintain_order=True):
            yield str(key), some
