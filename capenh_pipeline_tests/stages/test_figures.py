"""The figures of a run's combined captions, for people and for plots."""

import polars as pl

from capenh_pipeline.domain.options import Options
from capenh_pipeline.stages.figures import described, distribution, figures


def rows(**columns):
    count = len(next(iter(columns.values())))
    nothing = {
        "status": pl.Series(["ok"] * count),
        "error_kind": pl.Series([None] * count, dtype=pl.String),
        "fallback": pl.Series([False] * count),
        "latency_s": pl.Series([None] * count, dtype=pl.Float64),
        "retention": pl.Series([None] * count, dtype=pl.Float64),
        "support": pl.Series([None] * count, dtype=pl.Float64),
        "prompt_tokens": pl.Series([0] * count),
        "completion_tokens": pl.Series([0] * count),
    }
    return pl.DataFrame({**nothing, **columns})


def test_scores_are_counted_by_tenths():
    scores = pl.Series([0.0, 0.05, 0.1, 0.99, 1.0, 1.0, None])
    assert distribution(scores) == [2, 1, 0, 0, 0, 0, 0, 0, 0, 3]


def test_percentiles_and_cost():
    found = figures(
        rows(latency_s=[n + 1.0 for n in range(101)], prompt_tokens=[10_000] * 101),
        Options(price_in=2.0),
    )
    assert (found["latency_p50_s"], found["latency_p95_s"]) == (51.0, 96.0)
    assert found["cost"] == 2.02
    assert "retention_mean" not in found


def test_people_read_how_good_the_captions_are():
    lines = described(
        rows(
            retention=[1.0, 1.0, 0.5],
            support=[1.0, 0.9, None],
            latency_s=[1.0, 2.0, 3.0],
            fallback=[False, True, True],
            error_kind=[None, "retention", "refusal"],
        ),
        Options(),
    )
    text = "\n".join(lines)
    assert "3 combined captions were made, 2 of them joined" in text
    assert "refusal 1" in text
    assert "retention  mean 0.83" in text
    assert "median 2.00 s" in text
    assert "cost" not in text


def test_rows_that_failed_were_not_made_and_no_answer_is_no_fast_answer():
    refused = {"status": ["ok", "failed", "failed"], "error_kind": [None, "rejected", "rejected"]}
    text = "\n".join(described(rows(latency_s=[2.0, 0.0, 0.0], **refused), Options()))
    assert "1 combined captions were made; 2 failed." in text
    assert "median 2.00 s, 95 % within 2.00 s" in text


def test_no_captions_no_lines():
    assert described(rows(latency_s=[]), Options()) == []
