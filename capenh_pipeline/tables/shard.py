"""A shard: one folder of parts, read as the newest row of every key."""

from contextlib import suppress
from dataclasses import dataclass

import polars as pl

from capenh_pipeline.domain.schemas import TableSchema
from capenh_pipeline.errors import StoreError
from capenh_pipeline.files import TEMPORARY_PREFIX
from capenh_pipeline.places.place import Place
from capenh_pipeline.tables.faults import writing
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
    has_superseded_rows,
    newest,
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

    folder: Place
    schema: TableSchema

    def read(self, columns: Columns, listed: list[Part] | None = None) -> pl.DataFrame:
        """Return `columns` of the newest row of every key, in the order of writing.

        Args:
            columns: which.
            listed: what `list_parts` has returned just now; None: it is asked.

        Raises:
            StoreError: a part cannot be read.
        """
        return self._list_and_read(columns, listed)[1]

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

    def read_whole(self) -> pl.DataFrame:
        """Return the newest row of every key, in all columns that the parts have and `seq`.

        Raises:
            StoreError: a part cannot be read.
        """
        return self._list_and_read_whole()[1]

    def adopt(self, rows: pl.DataFrame) -> None:
        """Add rows that were stored elsewhere, where the shard has none of their key or older ones.

        Args:
            rows: in all columns of the schema and `seq`, which they keep, and perhaps in more.
        """
        parts, there = self._list_and_read_whole()
        known = there.select(*self.schema.key, pl.col(SEQ).alias("known_seq"))
        found = newest(rows, self.schema).join(known, on=self.schema.key, how="left")
        is_news = pl.col("known_seq").is_null() | (pl.col(SEQ) > pl.col("known_seq"))
        news = found.filter(is_news).drop("known_seq")
        if news.is_empty():
            return
        if self.schema.is_snapshot:
            everything = pl.concat([there, news], how="diagonal_relaxed")
            self._replace_parts(parts, newest(everything, self.schema))
        else:
            write_part(self.folder, news, seq=_highest_seq(news))

    def rewrite(self, *, without: pl.DataFrame | None = None) -> None:
        """Make one part of all, in which each key stands once, and some keys not at all.

        A crash leaves all rows, or the new part beside the newest of the old ones: rows of the
        other keys are there at every moment.

        Args:
            without: the keys whose rows go.
        """
        parts, rows = self._list_and_read_whole()
        if without is not None:
            rows = rows.join(without, on=self.schema.key, how="anti")
        self._replace_parts(parts, rows)

    def remove(self, parts: list[Part]) -> None:
        """Delete `parts`, and the folder if nothing else is in it."""
        delete_parts(parts)
        with writing(self.folder):
            for temporary in self.folder.glob(f"{TEMPORARY_PREFIX}*"):
                temporary.unlink(missing_ok=True)
        with suppress(OSError):  # it holds a file of somebody's
            self.folder.rmdir()

    def compact(self, *, most_parts: int = MAX_PARTS) -> None:
        """Merge the parts if rows are superseded or parts are many; readers see no change.

        Args:
            most_parts: how many are not many.
        """
        delete_stale_temporaries(self.folder)
        parts = list_parts(self.folder)
        if self.schema.is_snapshot:
            delete_parts(parts[:-1])
            return
        try:
            if self._is_worth_merging(parts, most_parts):
                self._merge(parts)
        except FileNotFoundError:  # another process is merging this shard
            return

    def _is_worth_merging(self, parts: list[Part], most_parts: int) -> bool:
        if len(parts) < 2:  # one part cannot be merged
            return False
        return len(parts) > most_parts or has_superseded_rows(parts, self.schema)

    def _merge(self, parts: list[Part]) -> None:
        """Write one part for all of `parts`, then delete those and no others.

        Each row keeps its own `seq`, so the originals may stand beside the merged part, all or
        some of them, if we are stopped here.
        """
        merged = newest_rows(parts, self.schema)
        write_part(self.folder, merged, seq=parts[-1].seq)
        delete_parts(parts)

    def visible_parts(self) -> list[Part]:
        """Return the parts that readers see, oldest first."""
        return self.visible(list_parts(self.folder))

    def visible(self, parts: list[Part]) -> list[Part]:
        """Return those of all parts that readers see."""
        return parts[-1:] if self.schema.is_snapshot else parts

    def _list_and_read_whole(self) -> tuple[list[Part], pl.DataFrame]:
        """Return all parts, and what `read_whole` returns of them."""
        parts, rows = self._list_and_read(None)
        return parts, newest(rows, self.schema)

    def _list_and_read(
        self, columns: Columns | None, listed: list[Part] | None = None
    ) -> tuple[list[Part], pl.DataFrame]:
        """Return all parts, and the newest row of every key in them, as `newest_rows` does.

        They are listed again where a compaction has replaced one before it was read.
        """
        parts = list_parts(self.folder) if listed is None else listed
        while visible := self.visible(parts):
            try:
                return parts, newest_rows(visible, self.schema, columns)
            except FileNotFoundError as error:
                listed, parts = parts, list_parts(self.folder)
                if parts == listed:
                    raise StoreError(
                        f"{self.folder} names a part that is not there ({error}); remove the name "
                        f"and run again."
                    ) from error
        every = {**self.schema.columns, SEQ: pl.Int64()}
        return [], pl.DataFrame(schema=every if columns is None else dict(columns))

    def _replace_parts(self, parts: list[Part], rows: pl.DataFrame) -> None:
        """Write one part of `rows`, which keep their `seq`, in the place of `parts`."""
        if not parts and rows.is_empty():
            return
        if self.schema.is_snapshot:
            write_part(self.folder, rows, seq=next_seq(parts))
        elif not rows.is_empty():
            write_part(self.folder, rows, seq=max(parts[-1].seq, _highest_seq(rows)))
        delete_parts(parts)

    def _holds(self, rows: pl.DataFrame) -> bool:
        stored = self.read(self.schema.columns)
        if stored.height != rows.height:
            return False
        key = list(self.schema.key)
        return stored.sort(key).equals(rows.sort(key))

    def _write(self, rows: pl.DataFrame, *, seq: int) -> None:
        write_part(self.folder, rows.with_columns(pl.lit(seq, pl.Int64).alias(SEQ)), seq=seq)


def _highest_seq(rows: pl.DataFrame) -> int:
    highest = rows[SEQ].max()
    return highest if isinstance(highest, int) else 0
