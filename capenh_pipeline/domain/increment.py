"""The row diff: what is wanted and not yet there."""

import polars as pl

from capenh_pipeline.domain.schemas import OK, PASSING_KINDS, TRANSIENT_KINDS


def missing(
    wanted: pl.DataFrame,
    stored: pl.DataFrame,
    *,
    on: list[str],
    retry_failed: bool,
    retry_transient: bool,
) -> pl.DataFrame:
    """Return the rows of `wanted` that have no stored result.

    Args:
        wanted: rows to be computed if they are not there.
        stored: rows that are there, with `status` and `error_kind`.
        on: the columns that identify a row in both; two nulls are equal.
        retry_failed: whether a stored row that failed, or is good for want of a better one (it has
            an error too), counts as missing.
        retry_transient: whether a stored row counts as missing that failed for a reason that may
            have passed.
    """
    has_no_error = pl.col("error_kind").is_null()
    passing = [*PASSING_KINDS, *(TRANSIENT_KINDS if retry_transient else ())]
    is_lasting = (pl.col("status") == OK) | ~pl.col("error_kind").is_in(passing)
    settled = stored.filter(has_no_error if retry_failed else is_lasting)
    return wanted.join(settled.select(on), on=on, how="anti", nulls_equal=True)
