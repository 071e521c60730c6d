"""Resharding moves every row and loses none, wherever it is stopped."""

import itertools
import shutil
from functools import partial

import polars as pl
import pytest

from capenh_pipeline.domain.schemas import IMAGE_MANIFEST, SCAN_INDEX, TABLES, VLM_CAPTIONS
from capenh_pipeline.tables.reshard import reshard, settle_leftovers
from capenh_pipeline.tables.rows import conform
from capenh_pipeline.tables.store import Store
from capenh_pipeline_tests.fakes.sudden_death import dies_after, joined_at
from capenh_pipeline_tests.tables.samples import captions, hash_in, manifest, texts_in

SHARDS = ("00", "0f", "a3")


@pytest.fixture
def full(store):
    """A store with superseded rows, a snapshot that a file has left, and columns of the future."""
    table, snapshot = store.table(VLM_CAPTIONS), store.table(IMAGE_MANIFEST)
    for text in ("old", "new"):
        table.append(pl.concat([captions(shard, {shard: text}) for shard in SHARDS]))
    table.append(captions("00", {"other": "other"}))
    rows = captions("0f", {"future": "x"}).with_columns(score=pl.lit(0.5), seq=pl.lit(9, pl.Int64))
    rows.write_parquet(table.folder / "shard=0" / "part-000000000009-a.parquet")
    for sizes in ({"a": 1, "gone": 1}, {"a": 2}):
        snapshot.replace("0", manifest("0f", sizes))
    snapshot.replace("b", manifest("bb", {"b": 1}))
    paths = pl.DataFrame({"path": ["a"], "path_hash": [hash_in("5", "a")], "width": [7]})
    store.table(SCAN_INDEX).append(paths)
    return store


def rows_of(store):
    """What a reader sees, by table."""
    return {schema.name: _seen(store.table(schema)) for schema in TABLES}


def _seen(table):
    return table.read([*table.shards()]).sort(table.schema.shard_by, *table.schema.key)


def same(one, other):
    return all(rows.equals(other[name]) for name, rows in one.items())


def opened(store):
    return Store.existing(store.root)


@pytest.mark.parametrize("digits", [(2,), (2, 1), (2, 2), (1,)])
def test_all_rows_are_in_their_new_shards_and_nothing_is_left_of_the_old_ones(full, digits):
    before = rows_of(full)
    for count in digits:
        reshard(opened(full), count)
    store = opened(full)
    assert store.shard_digits == digits[-1]
    assert same(before, rows_of(store))
    for schema in TABLES:
        for key, shard in store.table(schema).shards().items():
            hashes = shard.read_whole()[schema.shard_by]
            assert hashes.str.starts_with(key).all()
    names = {folder.name for folder in store.root.glob("*/shard=*")}
    assert {len(name) for name in names} == {len("shard=") + digits[-1]}


def test_rows_keep_their_number_and_the_columns_that_we_do_not_know(full):
    shards = reshard(full, 2).table(VLM_CAPTIONS).shards()
    assert shards["0f"].read_whole().select("caption", "score", "seq").rows() == [
        ("new", None, 2),
        ("x", 0.5, 9),
    ]


def test_a_snapshot_stays_one(full):
    store = reshard(full, 2)
    store.table(IMAGE_MANIFEST).replace("0f", manifest("0f", {"c": 3}))
    assert sorted(store.table(IMAGE_MANIFEST).read()["path"]) == ["b", "c"]


def test_a_row_of_a_snapshot_in_the_wrong_shard_hides_none_of_its_own(full):
    """It comes to its shard before the others do."""
    rows = [manifest("0f", {"a": 2}), manifest("bb", {"stranger": 3})]
    shard = full.table(IMAGE_MANIFEST).shard("0")
    shard.replace(conform(pl.concat(rows), IMAGE_MANIFEST))
    store = reshard(full, 2)
    assert sorted(store.table(IMAGE_MANIFEST).read()["path"]) == ["a", "b", "stranger"]


def test_a_row_written_afterwards_wins(full):
    store = reshard(full, 2)
    store.table(VLM_CAPTIONS).append(captions("0f", {"0f": "newest"}))
    assert sorted(store.table(VLM_CAPTIONS).read(["0f"])["caption"]) == ["newest", "x"]


def test_the_dataset_of_the_store_is_still_named(tmp_path):
    reshard(Store.open(tmp_path / "store", shard_digits=1, dataset=tmp_path), 2)
    Store.open(tmp_path / "store", shard_digits=2, dataset=tmp_path)


@pytest.mark.parametrize("digits", [(1, 2), (2, 1)])
def test_stopped_at_a_step_it_shows_every_row_and_the_next_one_ends_it(full, tmp_path, digits):
    assert stopped_at_each(full, tmp_path, digits, every=9) > 30


@pytest.mark.soak
@pytest.mark.parametrize("digits", [(1, 2), (2, 1)])
def test_stopped_at_any_step_it_shows_every_row_and_the_next_one_ends_it(full, tmp_path, digits):
    assert stopped_at_each(full, tmp_path, digits, every=1) > 30


def stopped_at_each(full, tmp_path, digits, *, every):
    """Reshard copies of a store that die at a step on the disk each; return how many steps.

    A row that was added after that, and a row that was changed, are there in the end too.
    """
    first, then = digits
    reshard(full, first)
    before = rows_of(opened(full))
    for steps in itertools.count(step=every):
        copy = Store.existing(shutil.copytree(full.root, tmp_path / str(steps)))
        if not dies_after(steps, copy.root, partial(reshard, copy, then)):
            return steps
        stopped = opened(copy)
        assert same(before, rows_of(stopped))
        stopped.table(VLM_CAPTIONS).append(captions("00", {"00": "changed", "later": "later"}))
        after = rows_of(stopped)
        reshard(stopped, then)
        assert opened(copy).shard_digits == then
        assert same(after, rows_of(opened(copy)))
        assert {len(folder.name) for folder in copy.root.glob("*/shard=*")} == {6 + then}
    return None


@pytest.mark.parametrize("digits", [(1, 2), (2, 1)])
def test_a_row_that_another_host_writes_meanwhile_is_not_lost(full, tmp_path, digits):
    """Its run has opened the store before, and sees no lock."""
    first, then = digits
    reshard(full, first)
    for step in itertools.count(step=3):
        copy = Store.existing(shutil.copytree(opened(full).root, tmp_path / str(step)))
        late = partial(copy.table(VLM_CAPTIONS).append, captions("00", {"late": "late"}))
        is_met = joined_at(step, copy.root, late, partial(reshard, copy, then))
        settle_leftovers(opened(copy))
        assert ("late" in texts_in(opened(copy).table(VLM_CAPTIONS))) is is_met, step
        if not is_met:
            assert step > 30
            return


def test_rows_that_only_the_leftovers_have_are_moved_and_not_deleted(full):
    """Somebody has written another number into store.json: every row lies in a leftover."""
    before = rows_of(full)
    (full.root / "store.json").write_text('{"format": 1, "shard_digits": 2}')
    assert settle_leftovers(opened(full)) == 3
    assert same(before, rows_of(opened(full)))


def test_moving_what_only_the_leftovers_have_can_be_stopped_anywhere(full, tmp_path):
    """Rows of the manifest too, of which one shard has come and others have not."""
    before = rows_of(full)
    (full.root / "store.json").write_text('{"format": 1, "shard_digits": 2}')
    for steps in itertools.count(step=2):
        copy = Store.existing(shutil.copytree(full.root, tmp_path / str(steps)))
        died = dies_after(steps, copy.root, partial(settle_leftovers, copy))
        settle_leftovers(copy)
        assert same(before, rows_of(copy)), steps
        if not died:
            assert steps > 10
            return


def test_leftovers_change_no_row_and_bring_back_no_image(full, tmp_path):
    """A reshard that was stopped long ago left rows that are out of date."""
    old = Store.existing(shutil.copytree(full.root, tmp_path / "copy"))
    reshard(old, 2)
    full.table(IMAGE_MANIFEST).replace("0", manifest("0f", {"new": 5}))
    full.table(VLM_CAPTIONS).append(captions("00", {"00": "newest"}))
    before = rows_of(full)
    shutil.copytree(old.root, full.root, dirs_exist_ok=True, ignore=lambda *_: ["store.json"])
    assert same(before, rows_of(full))
    parts = set(full.root.rglob("shard=?/*"))
    settle_leftovers(full)
    assert same(before, rows_of(full))
    assert set(full.root.rglob("shard=?/*")) == parts
    assert {len(folder.name) for folder in full.root.glob("*/shard=*")} == {len("shard=0")}
