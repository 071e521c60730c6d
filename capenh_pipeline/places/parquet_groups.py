"""Groups of rows of Parquet files, and rows of those that are small."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from capenh_pipeline.places.source import Source
from capenh_pipeline.places.table_faults import require_moderate, table_faults

_MOST_FILES = 256  # whose footers are remembered
_AHEAD = 1 << 16
_ROWS_AT_ONCE = 16


def parquet_layout(table: Source) -> tuple[Any, list[int]]:
    """Return the `pyarrow.Schema` of a Parquet file, and how many rows are in each group.

    Raises:
        OSError: it cannot be read, or is none.
    """
    with _opened(table) as opened:
        groups = [opened.metadata.row_group(at) for at in range(opened.num_row_groups)]
        return opened.schema_arrow, [group.num_rows for group in groups]


def parquet_group(table: Source, group: int, columns: Sequence[str]) -> Any:
    """Return some columns of a group as a `pyarrow.Table`; it may be far larger than its file.

    Raises:
        OSError: as in `parquet_layout`, or the group is too large.
    """
    import pyarrow

    with _opened(table) as opened:
        schema = pyarrow.schema([opened.schema_arrow.field(name) for name in columns])
        batches, size = [], 0
        for batch in opened.iter_batches(_ROWS_AT_ONCE, row_groups=[group], columns=[*columns]):
            batches.append(batch)
            size += batch.nbytes
            require_moderate(size)
        return pyarrow.Table.from_batches(batches, schema)


def plain_rows(table: Source, columns: Sequence[str]) -> list[dict[str, Any]]:
    """Return the rows of a Parquet file that has no images, with those columns that are there.

    Raises:
        OSError: as in `parquet_layout`.
    """
    with _opened(table) as opened:
        wanted = [name for name in columns if name in opened.schema_arrow.names]
        return opened.read(columns=wanted).to_pylist()


@contextmanager
def _opened(table: Source) -> Generator[Any]:
    from pyarrow.parquet import ParquetFile

    with (
        table_faults(),
        table.opened(ahead=_AHEAD) as opened,
        ParquetFile(opened, metadata=_footer(table)) as parquet,
    ):
        yield parquet


@lru_cache(_MOST_FILES)
def _footer(table: Source) -> Any:
    from pyarrow.parquet import read_metadata

    with table.opened(ahead=_AHEAD) as opened:
        return read_metadata(opened)
