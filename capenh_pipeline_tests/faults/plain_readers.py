"""Readers of the store's plain files that know nothing of this program."""

from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import polars as pl
import pyarrow.parquet as pq

READERS: dict[str, Callable[[Path], int]] = {
    "polars": lambda path: pl.read_parquet(path, hive_partitioning=False).height,
    "pyarrow": lambda path: pq.ParquetFile(path).read().num_rows,
    "duckdb": lambda path: len(duckdb.read_parquet(str(path)).fetchall()),
}


def torn_parts(folder: Path) -> list[str]:
    """Read every part below `folder` with every reader, and return what they complain of.

    A part that is gone by then has been merged into another one.
    """
    return [
        f"{name}: {error}"
        for path in folder.rglob("part-*.parquet")
        for name, error in _errors(path)
        if path.exists()
    ]


def _errors(path: Path) -> Iterator[tuple[str, Exception]]:
    for name, read in READERS.items():
        try:
            read(path)
        except (OSError, ValueError, pl.exceptions.PolarsError, duckdb.Error) as error:
            yield name, error
