"""The one loop of both caption stages: compute what is missing, keep it as it is done."""

from collections.abc import Callable, Sequence
from typing import Any

import polars as pl

from capenh_pipeline.domain.increment import count_by_shard, missing, sum_by_shard
from capenh_pipeline.domain.schemas import FAILED, TableSchema
from capenh_pipeline.stages.run import Report, Run

Keep = Callable[[dict[str, Any]], None]
"""Takes a finished row; it is on disk after the next checkpoint."""


def fill(
    run: Run,
    schema: TableSchema,
    wanted: pl.DataFrame,
    *,
    recipe_hashes: Sequence[str],
    compute: Callable[[pl.DataFrame, Keep], None],
    totals: Sequence[str],
) -> Report:
    """Compute the rows of `wanted` that the table does not have for this recipe.

    What is finished when `compute` raises, whatever it raises, is kept.

    Args:
        run: what to do.
        schema: the table.
        wanted: one row for each result that there should be; its columns are the inputs of a
            result and stand in the table too.
        recipe_hashes: the recipes of the results.
        compute: called with the missing rows, if there are any; hands each finished row over.
        totals: numeric columns of the table whose sums over the computed rows are reported.
    """
    table, inputs = run.store.table(schema), wanted.columns
    columns = list(dict.fromkeys(["image_hash", *inputs, "status", "error_kind", *totals]))
    stored = rows_of_recipes(run, schema, recipe_hashes, columns=columns)
    absent = _absent(run, wanted, stored)
    if absent.height:
        _compute(run, schema, absent, compute)
        table.compact(run.shards)
        stored = rows_of_recipes(run, schema, recipe_hashes, columns=columns)
    stored = _matching(stored, wanted)
    return _report(run, wanted, stored, absent, totals)


def missing_rows(
    run: Run, schema: TableSchema, wanted: pl.DataFrame, *, recipe_hashes: Sequence[str]
) -> pl.DataFrame:
    """Return the rows of `wanted` that `fill` would compute."""
    columns = [*wanted.columns, "status", "error_kind"]
    stored = rows_of_recipes(run, schema, recipe_hashes, columns=columns)
    return _absent(run, wanted, stored)


def rows_of_recipes(
    run: Run, schema: TableSchema, recipe_hashes: Sequence[str], *, columns: Sequence[str]
) -> pl.DataFrame:
    """Return some columns of the rows that the store has for recipes in the run's shards."""
    read = list(dict.fromkeys([*columns, "recipe_hash"]))
    rows = run.store.table(schema).read(run.shards, columns=read)
    return rows.filter(pl.col("recipe_hash").is_in(list(recipe_hashes))).select(columns)


def _absent(run: Run, wanted: pl.DataFrame, stored: pl.DataFrame) -> pl.DataFrame:
    return missing(wanted, stored, on=wanted.columns, retry_failed=run.options.retry_failed)


def _compute(
    run: Run,
    schema: TableSchema,
    absent: pl.DataFrame,
    compute: Callable[[pl.DataFrame, Keep], None],
) -> None:
    with (
        run.progress.stage(schema.name, absent.height) as step,
        run.checkpoint(schema) as checkpoint,
    ):

        def keep(row: dict[str, Any]) -> None:
            checkpoint.add({**row, "created_at": run.now(), "run_id": run.run_id})
            step()

        compute(absent, keep)


def _matching(rows: pl.DataFrame, wanted: pl.DataFrame, *, how: Any = "semi") -> pl.DataFrame:
    return rows.join(wanted, on=wanted.columns, how=how, nulls_equal=True)


def _report(
    run: Run,
    wanted: pl.DataFrame,
    stored: pl.DataFrame,
    absent: pl.DataFrame,
    totals: Sequence[str],
) -> Report:
    digits = run.store.shard_digits
    computed = _matching(stored, absent)

    def count(rows: pl.DataFrame) -> dict[str, int]:
        return count_by_shard(rows, column="image_hash", digits=digits)

    return Report.of(
        run.shards,
        images=count(wanted.drop("recipe_hash").unique()),
        computed=count(computed),
        reused=count(_matching(stored, absent, how="anti")),
        failed=count(stored.filter(pl.col("status") == FAILED)),
        left=count(wanted.join(stored, on=wanted.columns, how="anti", nulls_equal=True)),
        **{
            name: sum_by_shard(computed, name, column="image_hash", digits=digits)
            for name in totals
        },
    )
