"""Rows that are deleted, adopted or merged: nothing else changes, wherever that is stopped."""

import itertools
import shutil
from functools import partial

import polars as pl
import pytest

from capenh_pipeline.domain.schemas import IMAGE_MANIFEST, VLM_CAPTIONS
from capenh_pipeline.tables.store import Store
from capenh_pipeline_tests.fakes.sudden_death import dies_after, joined_at
from capenh_pipeline_tests.tables.samples import (
    captions,
    manifest,
    parts_of,
    sizes_in,
    stored_part,
    texts_in,
)


@pytest.fixture
def table(store):
    """`a` and `gone` were written three times, in parts of their own."""
    table = store.table(VLM_CAPTIONS)
    for text in ("first", "second", "newest"):
        table.append(captions("0", {"a": text, "gone": text, f"only {text}": text}))
    table.append(captions("1", {"other": "other"}))
    return table


def seen(table):
    rows = table.read(columns=["image_hash", "caption"])
    return {tuple(row) for row in rows.iter_rows()}


def stopped_at_each_step(store, tmp_path, work, schema=VLM_CAPTIONS):
    """Yield the table of a copy of the store after each number of steps on the disk."""
    for steps in itertools.count():
        copy = Store.existing(shutil.copytree(store.root, tmp_path / f"copy {steps}"))
        died = dies_after(steps, copy.root, partial(work, copy.table(schema)))
        yield copy.table(schema)
        if not died:
            assert steps > 2
            return


def test_a_deletion_takes_the_rows_of_the_keys_and_no_others(table):
    before = seen(table)
    gone = captions("0", {"gone": "whatever"})
    table.delete(gone)
    assert seen(table) == before - {(gone["image_hash"][0], "newest")}
    assert len(parts_of(table)) == 1
    table.delete(gone)
    assert seen(table) == before - {(gone["image_hash"][0], "newest")}


def test_a_row_written_after_a_deletion_wins(table):
    table.delete(captions("0", {"gone": ""}))
    table.append(captions("0", {"a": "later", "gone": "again"}))
    assert sorted(texts_in(table, ["0"])) == ["again", "first", "later", "newest", "second"]


def test_a_shard_of_which_all_rows_go_is_empty(table):
    table.delete(captions("1", {"other": ""}))
    assert texts_in(table, ["1"]) == []
    assert parts_of(table, "1") == []
    table.append(captions("1", {"other": "again"}))
    assert texts_in(table, ["1"]) == ["again"]


def test_a_deletion_that_is_stopped_loses_no_other_row_and_brings_back_no_old_one(
    store, table, tmp_path
):
    before, gone = seen(table), captions("0", {"gone": ""})
    deleted = {(gone["image_hash"][0], "newest")}
    for copy in stopped_at_each_step(store, tmp_path, lambda copy: copy.delete(gone)):
        assert before - deleted <= seen(copy) <= before
        copy.delete(gone)
        assert seen(copy) == before - deleted


def test_a_deletion_of_every_row_that_is_stopped_brings_back_no_old_one(store, table, tmp_path):
    before, everything = seen(table), table.read(["0"])
    for copy in stopped_at_each_step(store, tmp_path, lambda copy: copy.delete(everything)):
        assert seen(copy) <= before


def test_a_deletion_that_a_compaction_joins_at_any_step_goes_on_and_loses_no_other_row(
    store, table, tmp_path
):
    """A step of Dagster that began earlier sees no lock; the row itself may come back."""
    before, gone = seen(table), captions("0", {"gone": ""})
    for step in itertools.count():
        copy = Store.existing(shutil.copytree(store.root, tmp_path / str(step))).table(VLM_CAPTIONS)
        compaction, deletion = partial(copy.compact, ["0"]), partial(copy.delete, gone)
        is_met = joined_at(step, copy.folder, compaction, deletion, counts_reads=True)
        assert before - seen(copy) <= {(gone["image_hash"][0], "newest")}
        if not is_met:
            assert step > 5
            return


def test_a_row_of_a_snapshot_is_deleted_and_an_older_part_does_not_show(store, tmp_path):
    table = store.table(IMAGE_MANIFEST)
    for size in (1, 2):
        table.replace("0", manifest("0", {"a": size, "b": size}))
    for copy in stopped_at_each_step(
        store, tmp_path, lambda copy: copy.delete(manifest("0", {"b": 0})), IMAGE_MANIFEST
    ):
        assert sizes_in(copy) in ({"a": 2, "b": 2}, {"a": 2})
    assert sizes_in(copy) == {"a": 2}


def test_columns_of_a_newer_version_survive_a_deletion(table):
    rows = stored_part("0", {"future": "x"}, [7]).with_columns(score=pl.lit(0.5))
    rows.write_parquet(table.folder / "shard=0" / "part-000000000007-a.parquet")
    table.delete(captions("0", {"gone": ""}))
    (part,) = parts_of(table)
    assert pl.read_parquet(part).filter(caption="x").select("score", "seq").rows() == [(0.5, 7)]


def test_adopted_rows_are_those_that_are_missing_or_newer(table):
    older, newer = stored_part("0", {"a": "older"}, [1]), stored_part("0", {"gone": "newer"}, [9])
    table.adopt(pl.concat([older, newer, stored_part("2", {"new": "new"}, [1])]))
    texts = ["first", "second", "newest", "newest", "newer", "other", "new"]
    assert sorted(texts_in(table)) == sorted(texts)


def test_a_compaction_down_to_one_part_is_one_where_it_was_not_worth_it(table):
    table.compact(["1"])
    table.append(captions("1", {"more": "more"}))
    table.compact(["1"])
    assert len(parts_of(table, "1")) == 2
    table.compact(["1"], most_parts=1)
    assert len(parts_of(table, "1")) == 1
    assert sorted(texts_in(table, ["1"])) == ["more", "other"]
