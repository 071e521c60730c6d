"""Rows: what a shard's parts say together, the newest row of each key."""

import io
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl

from capenh_pipeline.domain.schemas import TableSchema
from capenh_pipeline.errors import StoreError
from capenh_pipeline.places.place import each
from capenh_pipeline.tables.parts import Part, sound_source

SEQ = "seq"
Source = tuple[Part, Path | bytes]
"""A part and what polars reads it from."""

Columns = Mapping[str, pl.DataType | type[pl.DataType]]

# polars panics, outside `Exception`, on some damaged files
_UNREADABLE = (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError)


def conform(rows: pl.DataFrame, schema: TableSchema) -> pl.DataFrame:
    """Return `rows` in the columns and types of `schema`, the last row of each key.

    A column that `rows` does not have is null.

    Raises:
        ValueError: a column that identifies rows is missing, or one is not in the schema.
    """
    if unknown := set(rows.columns) - schema.columns.keys():
        raise ValueError(f"{schema.name} has no column {', '.join(sorted(unknown))}")
    if missing := {*schema.key, schema.shard_by} - set(rows.columns):
        raise ValueError(f"rows of {schema.name} need a column {', '.join(sorted(missing))}")
    columns = [
        pl.col(name).cast(dtype) if name in rows.columns else pl.lit(None, dtype).alias(name)
        for name, dtype in schema.columns.items()
    ]
    return rows.select(columns).unique(subset=schema.key, keep="last", maintain_order=True)


def newest_rows(
    parts: Sequence[Part], schema: TableSchema, columns: Columns | None = None
) -> pl.DataFrame:
    """Return `columns` of the newest row of every key, in the order in which they were written.

    Rows of equal key and `seq` (a merged part beside its originals) count once. One part alone
    never holds a key twice, so it is read as it is.

    Args:
        parts: of one shard, oldest first, at least one.
        schema: names the key.
        columns: what to return; a part that lacks one of them has nulls there. None: those of
            the schema, `seq`, and those that only the parts have. A newer version of this program
            may have written the latter: merging must not lose them.

    Raises:
        FileNotFoundError: a part is gone; the shard must be listed again.
        StoreError: a part cannot be read.
    """
    sources = _sources(parts)
    columns = _all_columns(sources, schema) if columns is None else columns
    if len(parts) == 1:
        return _read(sources, columns)
    needed = {**columns, **{name: schema.columns[name] for name in schema.key}, SEQ: pl.Int64()}
    return newest(_read(sources, needed), schema).select(*columns)


def newest(rows: pl.DataFrame, schema: TableSchema) -> pl.DataFrame:
    """Return the row of the highest `seq` of every key, in the order of `seq`."""
    if not rows[SEQ].is_sorted():
        rows = rows.sort(SEQ, maintain_order=True)
    return rows.unique(subset=schema.key, keep="last", maintain_order=True)


def read_part(part: Part, schema: TableSchema) -> pl.DataFrame:
    """Return all rows and columns of one part, `seq` too; what its schema lacks is null.

    Raises:
        FileNotFoundError: it is gone.
        StoreError: it cannot be read.
    """
    sources = _sources([part])
    return _read(sources, _all_columns(sources, schema))


def has_superseded_rows(parts: Sequence[Part], schema: TableSchema) -> bool:
    """Tell whether `parts` hold a key more than once.

    Raises:
        FileNotFoundError: a part is gone.
        StoreError: a part cannot be read.
    """
    keys = _read(_sources(parts), {name: schema.columns[name] for name in schema.key})
    return keys.n_unique() < keys.height


def _sources(parts: Sequence[Part]) -> list[Source]:
    """Return what each part is read from; those that lie in object storage are fetched together."""
    return each(_source, parts, places=[part.path for part in parts])


def _source(part: Part) -> Source:
    with _part_faults(part):
        return part, sound_source(part)


def _all_columns(sources: Sequence[Source], schema: TableSchema) -> Columns:
    columns = {**schema.columns, SEQ: pl.Int64()}
    for part, source in sources:
        with _part_faults(part):
            for name, dtype in pl.read_parquet_schema(_readable(source)).items():
                columns.setdefault(name, dtype)
    return columns


def _read(sources: Sequence[Source], columns: Columns) -> pl.DataFrame:
    try:
        return _scan(sources, columns).collect()
    except FileNotFoundError:
        raise
    except _UNREADABLE:
        # The error of several parts does not say which one it is.
        return pl.concat([_read_one(source, columns) for source in sources])


def _read_one(source: Source, columns: Columns) -> pl.DataFrame:
    with _part_faults(source[0]):
        return _scan([source], columns).collect()


def _scan(sources: Sequence[Source], columns: Columns) -> pl.LazyFrame:
    readable: Any = [_readable(source) for _, source in sources]
    return pl.scan_parquet(
        readable,
        schema=dict(columns),
        missing_columns="insert",
        extra_columns="ignore",
        cast_options=pl.ScanCastOptions(integer_cast="upcast", float_cast="upcast"),
        hive_partitioning=False,
        glob=False,
    )


def _readable(source: Path | bytes) -> Path | io.BytesIO:
    return io.BytesIO(source) if isinstance(source, bytes) else source


@contextmanager
def _part_faults(part: Part) -> Generator[None]:
    """Turn what polars raises for a bad file into a `StoreError` that names it."""
    try:
        yield
    except FileNotFoundError:
        raise
    except _UNREADABLE as error:
        raise StoreError(
            f"{part.path} cannot be read ({error}); restore it from a backup, or delete it and "
            f"run again: its rows are then computed again (capenh store check --repair puts it "
            f"aside)."
        ) from error
