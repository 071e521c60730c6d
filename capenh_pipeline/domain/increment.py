"""The row diff: what is wanted and not yet there."""

import polars as pl

from capenh_pipeline.domain.schemas import OK, PASSING_KINDS


def missing(
    wanted: pl.DataFrame, stored: pl.DataFrame, *, on: list[str], retry_failed: bool
) -> pl.DataFrame:
    """Return the rows of `wanted` that have no stored result.

    Args:
        wanted: rows to be computed if they are not there.
        stored: rows that are there, with `status` and `error_kind`.
        on: the columns that identify a row in both; two nulls are equal.
        retry_failed: whether a stored row that failed, or is good for want of a better one (it has
            an error too), counts as missing.
    """
    has_no_error = pl.col("error_kind").is_null()
    is_lasting = (pl.col("status") == OK) | ~pl.col("error_kind").is_in(PASSING_KINDS)
    settled = stored.filter(has_no_error if retry_failed else is_lasting)
    return wanted.join(settled.select(on), on=on, how="anti", nulls_equal=True)


def count_by_shard(rows: pl.DataFrame, *, column: str, digits: int) -> dict[str, int]:
    """Return the number of rows in each shard that has any, by the hashes in `column`."""
    shard = pl.col(column).str.slice(0, digits)
    return dict(rows.group_by(shard.alias("shard")).len().iter_rows())


def sum_by_shard(rows: pl.DataFrame, name: str, *, column: str, digits: int) -> dict[str, int]:
    """Return the sum of the numbers in `name` for each shard that has rows."""
    shard = pl.col(column).str.slice(0, digits)
    return dict(rows.group_by(shard.alias("shard")).agg(pl.col(name).sum()).iter_rows())
