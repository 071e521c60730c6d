"""Figures of the combined captions of a run: how good they are, what they took and cost."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from capenh_pipeline.domain.costs import cost_of
from capenh_pipeline.domain.llm_options import CostOptions
from capenh_pipeline.domain.schemas import COMBINED_CAPTIONS, FAILED
from capenh_pipeline.stages.run import Run

SCORES = ("retention", "support")
TENTHS = 10

_BARS = "▁▂▃▄▅▆▇█"
_COLUMNS = [
    *("image_hash", "run_id", "status", "error_kind", "fallback", "latency_s", *SCORES),
    *("prompt_tokens", "completion_tokens"),
]


def rows_of_run(run: Run, run_id: str) -> pl.DataFrame:
    """Return what the figures need of the combined captions that a run has made."""
    rows = run.store.table(COMBINED_CAPTIONS).read(run.shards, columns=_COLUMNS)
    return rows.filter(pl.col("run_id") == run_id)


def figures(rows: pl.DataFrame, options: CostOptions) -> dict[str, float]:
    """Return percentiles of latency and scores, and the cost; without what no row has.

    Args:
        rows: of `rows_of_run`.
        options: the prices.
    """
    latency = rows["latency_s"].filter(rows["latency_s"] > 0)  # 0 is a row without any answer
    found = {
        "latency_p50_s": latency.quantile(0.5, "linear"),
        "latency_p95_s": latency.quantile(0.95, "linear"),
        **{f"{score}_mean": rows[score].mean() for score in SCORES},
        **{f"{score}_p05": rows[score].quantile(0.05, "linear") for score in SCORES},
        "cost": cost_of(options, _sum(rows["prompt_tokens"]), _sum(rows["completion_tokens"])),
    }
    numbers = {name: value for name, value in found.items() if isinstance(value, float)}
    return {name: round(value, 6) for name, value in numbers.items()}


def distribution(scores: pl.Series) -> list[int]:
    """Return how many scores lie in each tenth from 0 to 1; the last one has those of 1."""
    tenth = (scores.drop_nulls() * TENTHS).floor().clip(0, TENTHS - 1).cast(pl.Int64)
    counts: Mapping[Any, int] = dict(tenth.value_counts().iter_rows())
    return [counts.get(place, 0) for place in range(TENTHS)]


def bars(counts: Sequence[int]) -> str:
    """Return a distribution as one line for people."""
    most = max(*counts, 1)
    drawn = (_BARS[-(-count * (len(_BARS) - 1) // most)] for count in counts)
    return f"0 {''.join(drawn)} 1"


def described(rows: pl.DataFrame, options: CostOptions) -> list[str]:
    """Return the figures as lines for people; none for no rows.

    Args:
        rows: of `rows_of_run`.
        options: the prices.
    """
    if rows.is_empty():
        return []
    found = figures(rows, options)
    failed = rows.filter(pl.col("status") == FAILED).height
    made = f"{rows.height - failed} combined captions were made{_fallbacks(rows)}"
    lines = [f"{made}; {failed} failed." if failed else f"{made}."]
    if "latency_p50_s" in found:
        lines.append(
            f"  latency    median {found['latency_p50_s']:.2f} s, "
            f"95 % within {found['latency_p95_s']:.2f} s"
        )
    lines += [
        f"  {score:<10} mean {found[f'{score}_mean']:.2f}, 5 % below {found[f'{score}_p05']:.2f}"
        f"   {bars(distribution(rows[score]))}"
        for score in SCORES
        if f"{score}_mean" in found
    ]
    if "cost" in found:
        lines.append(f"  cost       {found['cost']:.4f}")
    return lines


def _sum(counts: pl.Series) -> int:
    return int(counts.sum())


def _fallbacks(rows: pl.DataFrame) -> str:
    kinds = rows.filter("fallback")["error_kind"].value_counts(sort=True)
    if kinds.is_empty():
        return ""
    named = ", ".join(f"{kind} {count}" for kind, count in kinds.iter_rows())
    return f", {kinds['count'].sum()} of them joined, for want of a good answer ({named})"
