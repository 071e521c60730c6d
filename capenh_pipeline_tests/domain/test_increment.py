"""The row diff."""

import polars as pl

from capenh_pipeline.domain.increment import missing

WANTED = pl.DataFrame({"image_hash": ["a", "b", "c"], "text": ["x", None, "y"]})


COLUMNS = ("image_hash", "text", "status", "error_kind")


def stored(**columns):
    kinds = [None if status == "ok" else "length" for status in columns.get("status", [])]
    cells = {**{name: [] for name in COLUMNS}, "error_kind": kinds, **columns}
    return pl.DataFrame(cells, schema=dict.fromkeys(COLUMNS, pl.String))


def absent(rows, *, retry_failed=False, retry_transient=False):
    found = missing(
        WANTED,
        rows,
        on=["image_hash", "text"],
        retry_failed=retry_failed,
        retry_transient=retry_transient,
    )
    return found["image_hash"].to_list()


def test_everything_is_missing_at_first():
    assert absent(stored()) == ["a", "b", "c"]


def test_a_row_with_a_null_is_found_again():
    rows = stored(image_hash=["b"], text=[None], status=["ok"])
    assert absent(rows) == ["a", "c"]


def test_a_row_of_another_text_is_missing():
    rows = stored(image_hash=["a"], text=["other"], status=["ok"])
    assert absent(rows) == ["a", "b", "c"]


def test_a_failed_row_is_missing_only_when_it_is_to_be_tried_again():
    rows = stored(image_hash=["a", "c"], text=["x", "y"], status=["failed", "ok"])
    assert absent(rows) == ["b"]
    assert absent(rows, retry_failed=True) == ["a", "b"]


def test_a_failure_of_the_file_is_missing_because_the_content_did_not_fail():
    rows = stored(
        image_hash=["a", "c"],
        text=["x", "y"],
        status=["failed", "failed"],
        error_kind=["changed", "unreadable"],
    )
    assert absent(rows) == ["a", "b", "c"]


def test_what_may_have_passed_is_missing_only_when_it_is_asked_for():
    rows = stored(
        image_hash=["a", "b", "c"],
        text=["x", None, "y"],
        status=["failed", "failed", "ok"],
        error_kind=["server_error", "length", "retention"],
    )
    assert absent(rows) == []
    assert absent(rows, retry_transient=True) == ["a"]
    assert absent(rows, retry_failed=True) == ["a", "b", "c"]
