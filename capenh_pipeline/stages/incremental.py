"""The one loop of both caption stages: compute what is missing, keep it as it is done.

It goes shard by shard, so that what it holds grows with a shard, not with the dataset.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import polars as pl

from capenh_pipeline.domain.increment import missing
from capenh_pipeline.domain.schemas import FAILED, TableSchema
from capenh_pipeline.domain.shards import shard_of
from capenh_pipeline.stages.run import Report, Run
from capenh_pipeline.stages.settling import fingerprint, may_settle, parts_of_tables

Keep = Callable[[dict[str, Any]], None]
"""Takes a finished row; it is on disk after the next checkpoint."""

Missing = Iterator[tuple[Run, pl.DataFrame]]
"""Rows that are to be computed, a shard at a time, with the run over that shard alone."""


@dataclass(frozen=True)
class Filling:
    """What a caption stage is to have.

    Attributes:
        schema: its table.
        wanted: returns one row for each result that there should be in the shards of a run; its
            columns are the inputs of a result and stand in the table too.
        recipe_hashes: the recipes of the results.
        totals: numeric columns of the table whose sums over the computed rows are reported.
        reads: the tables that `wanted` goes by.
        follows: what else it goes by but the options, as JSON.
    """

    schema: TableSchema
    wanted: Callable[[Run], pl.DataFrame]
    recipe_hashes: Sequence[str]
    totals: Sequence[str]
    reads: Sequence[TableSchema]
    follows: Sequence[str] = ()


def fill(run: Run, filling: Filling, compute: Callable[[Missing, Keep], None]) -> Report:
    """Compute the rows that are wanted and not in the table for these recipes.

    What is finished when `compute` raises, whatever it raises, is kept.

    Args:
        run: what to do.
        filling: what there should be.
        compute: called with the missing rows, if there are any; hands each finished row over.
    """
    settled = run.store.settled(filling.schema.name)
    stamps = _stamps(run, filling)
    known = {shard: settled.get(shard, stamps[shard]) for shard in run.shards if may_settle(run)}
    looks = {
        shard: _look(run.of_shard(shard), filling, Counter())
        for shard in run.shards
        if not known.get(shard)
    }
    if shards := [shard for shard, look in looks.items() if look.absent]:
        total = sum(looks[shard].absent for shard in shards)
        done = _compute(run.of_shards(shards), filling, total, compute)
        stamps |= _stamps(run.of_shards(shards), filling)
        for shard in shards:
            looks[shard] = _look(run.of_shard(shard), filling, done[shard])
    for shard, look in looks.items():
        if may_settle(run) and not look.absent:
            settled.put(shard, stamps[shard], _again(look.counts, filling))
    settled.save()
    return Report({shard: known.get(shard) or looks[shard].counts for shard in run.shards})


def missing_rows(
    run: Run, schema: TableSchema, wanted: pl.DataFrame, *, recipe_hashes: Sequence[str]
) -> pl.DataFrame:
    """Return the rows of `wanted` that `fill` would compute."""
    columns = [*wanted.columns, "status", "error_kind"]
    stored = rows_of_recipes(run, schema, recipe_hashes, columns=columns)
    return missing(wanted, stored, on=wanted.columns, **_retried(run))


def rows_of_recipes(
    run: Run, schema: TableSchema, recipe_hashes: Sequence[str], *, columns: Sequence[str]
) -> pl.DataFrame:
    """Return some columns of the rows that the store has for recipes in the run's shards."""
    read = list(dict.fromkeys([*columns, "recipe_hash"]))
    rows = run.store.table(schema).read(run.shards, columns=read)
    return rows.filter(pl.col("recipe_hash").is_in(list(recipe_hashes))).select(columns)


def _retried(run: Run) -> dict[str, bool]:
    options = run.options
    return {"retry_failed": options.retry_failed, "retry_transient": options.retry_transient}


def _stamps(run: Run, filling: Filling) -> dict[str, str]:
    goes_by = [*filling.recipe_hashes], [*filling.follows]
    parts = parts_of_tables(run, (*filling.reads, filling.schema), run.shards)
    return {shard: fingerprint(run, *goes_by, names) for shard, names in parts.items()}


def _compute(
    run: Run, filling: Filling, total: int, compute: Callable[[Missing, Keep], None]
) -> dict[str, Counter[str]]:
    """Compute the missing rows of the run's shards, and return by shard what was computed."""
    done = {shard: Counter[str]() for shard in run.shards}
    with (
        run.progress.stage(filling.schema.name, total) as step,
        run.checkpoint(filling.schema) as checkpoint,
    ):

        def keep(row: dict[str, Any]) -> None:
            checkpoint.add({**row, "created_at": run.now(), "run_id": run.run_id})
            counts = done[shard_of(row["image_hash"], digits=run.store.shard_digits)]
            counts["computed"] += 1
            counts.update({name: int(row.get(name) or 0) for name in filling.totals})
            step()

        by_shard = map(run.of_shard, run.shards)
        compute(((one, _absent(one, filling)) for one in by_shard), keep)
    run.store.table(filling.schema).compact(run.shards)
    return done


def _absent(run: Run, filling: Filling) -> pl.DataFrame:
    wanted = filling.wanted(run)
    return missing_rows(run, filling.schema, wanted, recipe_hashes=filling.recipe_hashes)


class _Look(NamedTuple):
    """What there is in a shard, and how many rows are to be computed."""

    counts: dict[str, int]
    absent: int


def _look(run: Run, filling: Filling, done: Counter[str]) -> _Look:
    """Look at the run's only shard, in which so much was `done` in this run."""
    wanted = filling.wanted(run)
    columns = [*wanted.columns, "status", "error_kind"]
    rows = rows_of_recipes(run, filling.schema, filling.recipe_hashes, columns=columns)
    stored = rows.join(wanted, on=wanted.columns, how="semi", nulls_equal=True)
    counts = {
        "images": wanted.drop("recipe_hash").n_unique(),
        "computed": done["computed"],
        "reused": stored.height - done["computed"],
        "failed": stored.filter(pl.col("status") == FAILED).height,
        "left": wanted.height - stored.height,
        **{name: done[name] for name in filling.totals},
    }
    still = missing(wanted, stored, on=wanted.columns, **_retried(run))
    return _Look(counts, still.height)


def _again(counts: dict[str, int], filling: Filling) -> dict[str, int]:
    """Return the counts of a run that finds all as it is now."""
    reused = counts["computed"] + counts["reused"]
    return {**counts, "computed": 0, "reused": reused, **dict.fromkeys(filling.totals, 0)}
