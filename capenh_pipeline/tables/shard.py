"""A shard: one folder of parts, read as the newest row of every key."""

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from capenh_pipeline.domain.schemas import TableSchema
from capenh_pipeline.errors import StoreError
from capenh_pipeline.tables.parts import (
    Part,
    delete_parts,
    delete_stale_temporaries,
    list_parts,
    next_seq,
    write_part,
)
from capenh_pipeline.tables.rows import (
    SEQ,
    Columns,
    all_columns,
    has_superseded_rows,
    newest_rows,
)

MAX_PARTS = 8


@dataclass(frozen=True)
class Shard:
    """One shard of a table; any number of processes may read and write it.

    Attributes:
        folder: where its parts are; it need not exist before the first row.
        schema: the table's.
    """

    folder: Path
    schema: TableSchema

    def read(self, columns: Columns) -> pl.DataFrame:
        """Return `columns` of the newest row of every key, in the order of writing.

        Raises:
            StoreError: a part cannot be read.
        """
        parts = self.visible_parts()
        while parts:
            try:
                return newest_rows(parts, self.schema, columns)
            except FileNotFoundError as error:  # a compaction has replaced it
                listed, parts = parts, self.visible_parts()
                if parts == listed:
                    raise StoreError(
                        f"{self.folder} names a part that is not there ({error}); remove the name "
                        f"and run again."
                    ) from error
        return pl.DataFrame(schema=dict(columns))

    def visible_parts(self) -> list[Part]:
        """Return the parts that a reader sees, oldest first."""
        parts = list_parts(self.folder)
        return parts[-1:] if self.schema.is_snapshot else parts

    def append(self, rows: pl.DataFrame) -> None:
        """Add one part; `rows` have the schema's columns and each key once."""
        self._write(rows, seq=next_seq(list_parts(self.folder)))

    def replace(self, rows: pl.DataFrame) -> None:
        """Make `rows` the whole shard; a crash leaves the old rows or the new ones.

        A reader sees the newest part only, so the older ones are deleted after it is in place.
        """
        is_there = self._holds(rows)
        parts = list_parts(self.folder)
        if is_there:
            delete_parts(parts[:-1])
            return
        self._write(rows, seq=next_seq(parts))
        delete_parts(parts)

    def compact(self) -> None:
        """Merge the parts if rows are superseded or parts are many; readers see no change."""
        delete_stale_temporaries(self.folder)
        parts = list_parts(self.folder)
        if self.schema.is_snapshot:
            delete_parts(parts[:-1])
            return
        try:
            if self._is_worth_merging(parts):
                self._merge(parts)
        except FileNotFoundError:  # another process is merging this shard
            return

    def _is_worth_merging(self, parts: list[Part]) -> bool:
        if len(parts) < 2:  # one part cannot be merged
            return False
        return len(parts) > MAX_PARTS or has_superseded_rows(parts, self.schema)

    def _merge(self, parts: list[Part]) -> None:
        """Write one part for all of `parts`, then delete those and no others.

        Each row keeps its own `seq`, so the originals may stand beside the merged part, all or
        some of them, if we are stopped here.
        """
        merged = newest_rows(parts, self.schema, all_columns(parts, self.schema))
        write_part(self.folder, merged, seq=parts[-1].seq)
        delete_parts(parts)

    def _holds(self, rows: pl.DataFrame) -> bool:
        stored = self.read(self.schema.columns)
        if stored.height != rows.height:
            return False
        key = list(self.schema.key)
        return stored.sort(key).equals(rows.sort(key))

    def _write(self, rows: pl.DataFrame, *, seq: int) -> None:
        write_part(self.folder, rows.with_columns(pl.lit(seq, pl.Int64).alias(SEQ)), seq=seq)
