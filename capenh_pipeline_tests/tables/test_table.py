"""A table shows the newest row of every key, whatever its parts are."""

from datetime import UTC, datetime

import polars as pl
import pyarrow.dataset as ds
import pytest

from capenh_pipeline.domain.schemas import CAPTION_FILES, IMAGE_MANIFEST, VLM_CAPTIONS
from capenh_pipeline.domain.shards import shard_keys
from capenh_pipeline.tables.store import Store
from capenh_pipeline_tests.tables.samples import (
    RECIPE,
    captions,
    hash_in,
    manifest,
    parts_of,
    sizes_in,
    texts_in,
)

on_disk_and_in_s3 = pytest.mark.parametrize("store", [None, "s3_folder"], indirect=True)


@on_disk_and_in_s3
def test_an_empty_table_has_the_columns_and_types_of_its_schema(store):
    assert store.table(VLM_CAPTIONS).read().schema == pl.Schema(VLM_CAPTIONS.columns)
    asked = store.table(VLM_CAPTIONS).read(["3"], columns=["created_at", "attempts"])
    assert asked.schema == {"created_at": pl.Datetime("us", "UTC"), "attempts": pl.Int32}


@on_disk_and_in_s3
def test_rows_come_back_as_they_were_appended(store):
    table = store.table(VLM_CAPTIONS)
    row = {
        "image_hash": hash_in("0", "a"),
        "recipe_hash": RECIPE,
        "caption": "a dog\nat ünïcode 🐕",
        "status": "ok",
        "error_kind": None,
        "error": None,
        "finish_reason": "stop",
        "new_tokens": 7,
        "model_id": "m",
        "effective_model_id": "m2",
        "revision": None,
        "prompt": "",
        "options": "{}",
        "attempts": 1,
        "created_at": datetime(2024, 1, 2, 3, 4, 5, 678901, tzinfo=UTC),
        "run_id": "run",
    }
    table.append(pl.DataFrame([row]))
    assert table.read().to_dicts() == [row]
    assert table.read().schema == pl.Schema(VLM_CAPTIONS.columns)


@on_disk_and_in_s3
def test_bytes_that_are_not_text_are_kept(store):
    table = store.table(CAPTION_FILES)
    row = {"path": "\ufffd.txt", "path_bytes": b"\xff.txt", "path_hash": hash_in("f", "p")}
    table.append(pl.DataFrame([row]))
    assert table.read(columns=list(row)).to_dicts() == [row]


@on_disk_and_in_s3
def test_rows_of_many_shards_are_one_part_a_shard_touched(store):
    table = store.table(VLM_CAPTIONS)
    table.append(
        pl.concat([captions("a", {"1": "one", "2": "two"}), captions("3", {"3": "three"})])
    )
    assert sorted(folder.name for folder in table.folder.iterdir()) == ["shard=3", "shard=a"]
    assert [len(parts_of(table, shard)) for shard in "3a"] == [1, 1]
    assert texts_in(table, ["a"]) == ["one", "two"]
    assert texts_in(table, ["3"]) == ["three"]


def test_two_digits_make_shards_of_two_digits(tmp_path):
    table = Store.open(tmp_path, shard_digits=2).table(VLM_CAPTIONS)
    table.append(captions("0f", {"1": "one"}))
    assert [folder.name for folder in table.folder.iterdir()] == ["shard=0f"]
    assert texts_in(table) == texts_in(table, ["0f"]) == ["one"]


@on_disk_and_in_s3
def test_no_rows_write_nothing(store):
    table = store.table(VLM_CAPTIONS)
    table.append(captions("0", {}))
    table.append(pl.DataFrame())
    assert not table.folder.exists()


@on_disk_and_in_s3
def test_the_newest_row_of_a_key_wins_across_parts_and_within_one_append(store):
    table = store.table(VLM_CAPTIONS)
    table.append(captions("0", {"a": "old", "b": "b"}))
    table.append(captions("0", {"a": "newer"}))
    table.append(
        pl.concat([captions("0", {"a": "newest but one"}), captions("0", {"a": "newest"})])
    )
    assert texts_in(table) == ["b", "newest"]
    assert len(parts_of(table)) == 3


@on_disk_and_in_s3
def test_a_key_twice_in_the_first_append_is_one_row(store):
    """Where there is one part, a reader does not look for keys that occur twice."""
    table = store.table(VLM_CAPTIONS)
    table.append(pl.concat([captions("0", {"a": "old", "b": "b"}), captions("0", {"a": "new"})]))
    assert texts_in(table) == ["b", "new"]


def test_twenty_parts_keep_their_order(store):
    """Names must sort as numbers: part 10 is newer than part 9."""
    table = store.table(VLM_CAPTIONS)
    for number in range(20):
        table.append(captions("0", {"a": f"version {number}"}))
        assert texts_in(table) == [f"version {number}"]


@on_disk_and_in_s3
def test_another_recipe_is_another_row(store):
    table = store.table(VLM_CAPTIONS)
    table.append(captions("0", {"a": "one"}))
    table.append(captions("0", {"a": "two"}).with_columns(recipe_hash=pl.lit("other")))
    assert texts_in(table) == ["one", "two"]


@on_disk_and_in_s3
def test_rows_are_read_by_shard_and_then_by_age(store):
    table = store.table(VLM_CAPTIONS)
    for shard, name in [("b", "1"), ("0", "2"), ("b", "3"), ("0", "4")]:
        table.append(captions(shard, {name: name}))
    assert texts_in(table) == ["2", "4", "1", "3"]
    assert texts_in(table, ["b", "0", "b"]) == ["1", "3", "2", "4"]


@on_disk_and_in_s3
def test_asked_columns_come_in_the_order_asked(store):
    table = store.table(VLM_CAPTIONS)
    for text in ["old", "new"]:
        table.append(captions("0", {"a": text}))
        assert table.read(columns=["status", "caption"]).rows() == [("ok", text)]


@on_disk_and_in_s3
def test_columns_are_cast_and_missing_ones_are_null(store):
    table = store.table(VLM_CAPTIONS)
    table.append(captions("0", {"a": "x"}).with_columns(attempts=pl.lit(3, pl.Int64)))
    row = table.read().row(0, named=True)
    assert (row["attempts"], row["error"], row["created_at"]) == (3, None, None)


@on_disk_and_in_s3
def test_rows_that_do_not_fit_the_table_are_refused_before_anything_is_written(store):
    table = store.table(VLM_CAPTIONS)
    good = captions("0", {"a": "x"})
    with pytest.raises(ValueError, match="no column shard"):
        table.append(good.with_columns(shard=pl.lit("0")))
    with pytest.raises(ValueError, match="need a column recipe_hash"):
        table.append(good.drop("recipe_hash"))
    with pytest.raises(ValueError, match="image_hash must be hex digits"):
        table.append(pl.concat([good, captions("X", {"a": "x"})]))
    with pytest.raises(ValueError, match="image_hash must be hex digits"):
        table.append(good.with_columns(image_hash=pl.lit(None, pl.String)))
    with pytest.raises(ValueError, match="is not a snapshot"):
        table.replace("0", good)
    assert not table.folder.exists()


@on_disk_and_in_s3
def test_a_snapshot_shows_what_it_was_last_replaced_with(store):
    table = store.table(IMAGE_MANIFEST)
    table.replace("0", manifest("0", {"a": 1, "b": 2}))
    table.replace("1", manifest("1", {"c": 3}))
    table.replace("0", manifest("0", {"b": 2, "d": 4}))
    assert sizes_in(table) == {"b": 2, "d": 4, "c": 3}
    assert len(parts_of(table)) == 1


@on_disk_and_in_s3
def test_an_equal_snapshot_in_another_order_is_not_written(store):
    table = store.table(IMAGE_MANIFEST)
    table.replace("0", manifest("0", {"a": 1, "b": 2}))
    before = parts_of(table)
    table.replace("0", manifest("0", {"b": 2, "a": 1}))
    assert parts_of(table) == before


@pytest.mark.parametrize("changed", [{"a": 1, "b": 3}, {"a": 1}, {"a": 1, "b": 2, "c": 3}])
def test_a_snapshot_that_differs_in_one_row_is_written(store, changed):
    table = store.table(IMAGE_MANIFEST)
    table.replace("0", manifest("0", {"a": 1, "b": 2}))
    table.replace("0", manifest("0", changed))
    assert sizes_in(table) == changed


@on_disk_and_in_s3
def test_a_snapshot_can_become_empty_and_full_again(store):
    table = store.table(IMAGE_MANIFEST)
    for sizes in [{"a": 1}, {}, {"a": 1}]:
        table.replace("0", manifest("0", sizes))
        assert sizes_in(table) == sizes


@on_disk_and_in_s3
def test_an_empty_snapshot_of_a_shard_that_never_had_a_row_leaves_no_trace(store):
    table = store.table(IMAGE_MANIFEST)
    table.replace("0", manifest("0", {}))
    table.replace("0", pl.DataFrame())
    assert not table.folder.exists()


@on_disk_and_in_s3
def test_a_snapshot_refuses_rows_of_another_shard_and_appends(store):
    table = store.table(IMAGE_MANIFEST)
    with pytest.raises(ValueError, match="rows of shard 1 are not of 0"):
        table.replace("0", manifest("1", {"a": 1}))
    with pytest.raises(ValueError, match="is a snapshot"):
        table.append(manifest("1", {"a": 1}))


def test_polars_and_pyarrow_read_a_compacted_table_without_us(store):
    table = store.table(VLM_CAPTIONS)
    for shard in shard_keys(1):
        table.append(captions(shard, {"a": "failed at first", "b": "fine"}))
        table.append(captions(shard, {"a": "then good"}))
    table.compact(shard_keys(1))
    ours = table.read().sort("image_hash")

    by_polars = pl.scan_parquet(store.root / "vlm_captions/**/*.parquet").collect()
    assert by_polars.drop("seq").sort("image_hash").equals(ours)
    hive = pl.read_parquet(store.root / "vlm_captions", hive_partitioning=True)
    assert hive.height == 32
    assert (hive["shard"].cast(pl.String) == hive["image_hash"].str.head(1)).all()

    dataset = ds.dataset(store.root / "vlm_captions", partitioning="hive")
    by_pyarrow = dataset.to_table(filter=ds.field("shard") == "a").to_pydict()
    assert sorted(by_pyarrow["caption"]) == ["fine", "then good"]


def test_parts_are_compressed_with_zstd(store):
    table = store.table(VLM_CAPTIONS)
    table.append(captions("0", {"a": "x"}))
    fragment = next(ds.dataset(table.folder).get_fragments())
    assert fragment.metadata.row_group(0).column(0).compression == "ZSTD"
