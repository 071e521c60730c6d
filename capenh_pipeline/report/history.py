"""The runs that made the rows of a store, as far as the rows say."""

from typing import Any

import polars as pl

from capenh_pipeline.domain.schemas import (
    CAPTION_FILES,
    COMBINED_CAPTIONS,
    FAILED,
    VLM_CAPTIONS,
    TableSchema,
)
from capenh_pipeline.stages.run import Run

MOST_RUNS = 200
"""Runs that a page names; it says how many older ones there are."""

_COUNTS = ["vlm", "combined", "failed", "fallback", "tokens", "files"]


def run_history(run: Run) -> list[dict[str, Any]]:
    """Return what each run has made that is still there, the newest run first.

    `run_id`, `began` and `ended` (UTC, of its first and last row), `models`, and the counts of
    rows `vlm` and `combined`, of those that `failed` or are a `fallback`, of LLM `tokens`, and of
    `files` written. A row that was computed again counts for the later run.
    """
    rows = pl.concat([_vlm(run), _combined(run), _files(run)], how="diagonal_relaxed")
    return (
        rows.group_by("run_id")
        .agg(
            pl.col("began").min(),
            pl.col("ended").max(),
            pl.col("models").explode().drop_nulls().unique().sort(),
            *(pl.col(name).sum() for name in _COUNTS),
        )
        .sort("ended", "run_id", descending=True, nulls_last=True)
        .with_columns(pl.col("began", "ended").dt.strftime("%Y-%m-%dT%H:%M:%SZ"))
        .to_dicts()
    )


def _vlm(run: Run) -> pl.DataFrame:
    return _made(run, VLM_CAPTIONS, "effective_model_id", [pl.len().alias("vlm")])


def _combined(run: Run) -> pl.DataFrame:
    counts = [
        pl.len().alias("combined"),
        pl.col("fallback").fill_null(value=False).sum().alias("fallback"),
        pl.sum_horizontal("prompt_tokens", "completion_tokens").sum().alias("tokens"),
    ]
    return _made(
        run, COMBINED_CAPTIONS, "model", counts, "fallback", "prompt_tokens", "completion_tokens"
    )


def _made(
    run: Run, schema: TableSchema, model: str, counts: list[pl.Expr], *columns: str
) -> pl.DataFrame:
    read = ["run_id", "created_at", "status", model, *columns]
    return (
        run.store.table(schema)
        .read(columns=read)
        .group_by("run_id")
        .agg(
            *_times("created_at"),
            pl.col(model).drop_nulls().unique().alias("models"),
            (pl.col("status") == FAILED).sum().alias("failed"),
            *counts,
        )
    )


def _files(run: Run) -> pl.DataFrame:
    rows = run.store.table(CAPTION_FILES).read(columns=["run_id", "written_at"])
    return rows.group_by("run_id").agg(*_times("written_at"), pl.len().alias("files"))


def _times(column: str) -> list[pl.Expr]:
    return [pl.col(column).min().alias("began"), pl.col(column).max().alias("ended")]
