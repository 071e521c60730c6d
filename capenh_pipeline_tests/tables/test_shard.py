"""A shard reads the same whatever a crash, a merge or an older version left in its folder.

Nothing here depends on a clock: the order of writes is a number in the parts' names, one more
than the highest there, so a clock that goes back cannot change which row is the newest.
"""

import hashlib
import os

import polars as pl
import pytest

from capenh_pipeline.domain.schemas import IMAGE_MANIFEST, VLM_CAPTIONS
from capenh_pipeline.errors import StoreError
from capenh_pipeline.files import TEMPORARY_PREFIX
from capenh_pipeline.tables.parts import delete_parts, list_parts
from capenh_pipeline.tables.shard import MAX_PARTS
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
    return store.table(VLM_CAPTIONS)


@pytest.fixture
def folder(table):
    folder = table.folder / "shard=0"
    folder.mkdir(parents=True)
    return folder


def part_name(seq: int, unique: str) -> str:
    return f"part-{seq:012d}-{unique * 32}.parquet"


def test_compaction_merges_superseded_rows_and_a_reader_sees_no_change(table):
    table.append(captions("0", {"a": "failed", "b": "b", "c": "c"}))
    table.append(captions("0", {"a": "a", "d": "d"}))
    before = table.read()
    table.compact(["0"])
    assert len(parts_of(table)) == 1
    assert table.read().equals(before)
    assert texts_in(table) == ["b", "c", "a", "d"]


def test_a_merged_part_keeps_each_rows_own_number_and_the_highest_in_its_name(table):
    table.append(captions("0", {"a": "failed", "b": "b"}))
    table.append(captions("0", {"a": "a"}))
    table.compact(["0"])
    (merged,) = parts_of(table)
    assert merged.name.startswith("part-000000000002-")
    assert pl.read_parquet(merged).select("caption", "seq").rows() == [("b", 1), ("a", 2)]


def test_a_row_written_after_a_compaction_wins(table):
    for text in ["one", "two"]:
        table.append(captions("0", {"a": text}))
    table.compact(["0"])
    table.append(captions("0", {"a": "three"}))
    assert texts_in(table) == ["three"]


def test_few_parts_with_nothing_superseded_are_left_alone(table):
    for number in range(MAX_PARTS):
        table.append(captions("0", {str(number): "x"}))
    before = parts_of(table)
    table.compact(["0", "1"])
    assert parts_of(table) == before


def test_many_parts_are_merged_though_nothing_is_superseded(table):
    for number in range(MAX_PARTS + 1):
        table.append(captions("0", {str(number): str(number)}))
    table.compact(["0"])
    assert len(parts_of(table)) == 1
    assert texts_in(table) == [str(number) for number in range(MAX_PARTS + 1)]


def test_one_part_is_never_rewritten(table):
    table.append(captions("0", {"a": "x"}))
    before = parts_of(table)
    table.compact(["0"])
    assert parts_of(table) == before


@pytest.mark.parametrize("deleted", [0, 1, 2, 3])
def test_a_crash_in_a_compaction_changes_nothing_a_reader_sees(table, deleted):
    """The merged part stands beside all of its originals, or those not yet deleted."""
    table.append(captions("0", {"a": "failed", "b": "b"}))
    table.append(captions("0", {"a": "a", "c": "old"}))
    table.append(captions("0", {"c": "c", "d": "d"}))
    before = table.read()
    originals = {path: path.read_bytes() for path in parts_of(table)}
    table.compact(["0"])
    for path, content in list(originals.items())[deleted:]:
        path.write_bytes(content)
    assert len(parts_of(table)) == 4 - deleted
    assert table.read().equals(before)

    table.compact(["0"])
    assert len(parts_of(table)) == 1
    assert table.read().equals(before)


@pytest.mark.parametrize("merged", ["0", "5", "f"])
@pytest.mark.parametrize("deleted", [0, 1, 2, 3])
def test_two_writers_of_one_number_leave_one_row_however_a_crash_cuts_a_compaction(
    table, folder, merged, deleted
):
    """Originals go oldest first, and so the loser of a tie before its winner."""
    originals = [
        (part_name(1, "c"), stored_part("0", {"a": "oldest"}, [1])),
        (part_name(2, "2"), stored_part("0", {"a": "loser"}, [2])),
        (part_name(2, "a"), stored_part("0", {"a": "winner"}, [2])),
    ]
    for name, rows in originals[deleted:]:
        rows.write_parquet(folder / name)
    stored_part("0", {"a": "winner"}, [2]).write_parquet(folder / part_name(2, merged))
    assert texts_in(table) == ["winner"]


def test_a_deletion_that_is_stopped_has_deleted_the_oldest_parts(table, folder):
    """A folder in place of the second part cannot be deleted like a file."""
    for number in range(MAX_PARTS + 1):
        stored_part("0", {str(number): "x"}, [number]).write_parquet(
            folder / part_name(number, "a")
        )
    oldest, stuck, *newer = list_parts(folder)
    stuck.path.unlink()
    stuck.path.mkdir()
    with pytest.raises(StoreError, match=stuck.path.name):
        delete_parts([oldest, stuck, *newer])
    assert list_parts(folder) == [stuck, *newer]


def test_a_slow_writers_old_number_does_not_win_over_a_merged_newer_row(table, folder):
    stored_part("0", {"a": "new", "b": "b"}, [4, 2]).write_parquet(folder / part_name(4, "a"))
    stored_part("0", {"a": "slow", "b": "slow"}, [3, 3]).write_parquet(folder / part_name(3, "b"))
    assert sorted(texts_in(table)) == ["new", "slow"]


def test_a_crash_between_write_and_delete_of_a_snapshot_shows_the_new_rows_only(store):
    table = store.table(IMAGE_MANIFEST)
    table.replace("0", manifest("0", {"a": 1, "gone": 2}))
    old = parts_of(table)[0]
    content = old.read_bytes()
    table.replace("0", manifest("0", {"a": 1}))
    old.write_bytes(content)
    assert sizes_in(table) == {"a": 1}

    table.replace("0", manifest("0", {"a": 1}))
    assert not old.exists()
    old.write_bytes(content)
    table.compact(["0"])
    assert not old.exists()
    assert sizes_in(table) == {"a": 1}


def test_a_part_is_named_by_its_bytes_and_yet_uniquely(table):
    """Two writers may write the same rows: each has a part of its own."""
    for shard in ("0", "1"):
        table.shard(shard).append(captions("0", {"a": "x"}))
    (one,), (other,) = parts_of(table, "0"), parts_of(table, "1")
    assert one.read_bytes() == other.read_bytes()
    assert one.name != other.name
    digest = hashlib.sha256(one.read_bytes()).hexdigest()[:16]
    assert one.stem.split("-")[3] == other.stem.split("-")[3] == digest


@pytest.mark.parametrize("columns", [None, ["attempts"]])
def test_a_part_with_other_bytes_than_were_written_is_refused_and_named(table, columns):
    """Whatever the bytes are, polars does not see them: there are some at which it aborts."""
    table.append(captions("0", {"a": "x"}))
    (part,) = parts_of(table)
    content = bytearray(part.read_bytes())
    content[len(content) // 3] ^= 1
    part.write_bytes(content)
    with pytest.raises(StoreError, match=f"{part.name} cannot be read .its bytes are not those"):
        table.read(columns=columns)
    table.append(captions("0", {"a": "y"}))
    with pytest.raises(StoreError, match=part.name):
        table.compact(["0"])
    assert part in parts_of(table)


def test_temporary_and_foreign_files_are_not_parts(table, folder):
    table.append(captions("0", {"a": "x"}))
    for name in [f"{TEMPORARY_PREFIX}0123", "notes.txt", "part-x-y.parquet", ".DS_Store"]:
        (folder / name).write_bytes(b"not parquet")
    assert texts_in(table) == ["x"]
    table.append(captions("0", {"a": "y"}))
    table.compact(["0"])
    assert texts_in(table) == ["y"]
    assert (folder / "notes.txt").exists()


def test_compaction_removes_temporary_files_of_dead_writers_only(table):
    table.append(captions("0", {"a": "x"}))
    stale, live = (table.folder / "shard=0" / f"{TEMPORARY_PREFIX}{name}" for name in "ab")
    stale.write_bytes(b"x")
    live.write_bytes(b"x")
    os.utime(stale, (0, 0))
    table.compact(["0"])
    assert not stale.exists()
    assert live.exists()


def test_a_part_of_a_narrower_schema_reads_with_nulls(table, folder):
    narrow = stored_part("0", {"a": "x"}, [1]).select("image_hash", "recipe_hash", "caption", "seq")
    narrow.write_parquet(folder / part_name(1, "a"))
    assert table.read().row(0, named=True)["attempts"] is None
    table.append(captions("0", {"b": "y"}))
    assert table.read().schema == pl.Schema(VLM_CAPTIONS.columns)
    assert texts_in(table) == ["x", "y"]


def test_a_smaller_integer_of_an_older_part_is_widened(table, folder):
    rows = stored_part("0", {"a": "x"}, [1]).with_columns(attempts=pl.lit(5, pl.Int16))
    rows.write_parquet(folder / part_name(1, "a"))
    assert table.read(columns=["attempts"]).rows() == [(5,)]


def test_columns_of_a_newer_version_are_ignored_and_survive_a_compaction(table, folder):
    rows = stored_part("0", {"a": "x"}, [1]).with_columns(score=pl.lit(0.5))
    rows.write_parquet(folder / part_name(1, "a"))
    table.append(captions("0", {"b": "old"}))
    table.append(captions("0", {"b": "new"}))
    table.compact(["0"])
    assert table.read().schema == pl.Schema(VLM_CAPTIONS.columns)
    (merged,) = parts_of(table)
    assert pl.read_parquet(merged).select("caption", "score").rows() == [("x", 0.5), ("new", None)]


@pytest.mark.parametrize("content", [b"", b"no parquet at all", b"PAR1" + bytes(40) + b"PAR1"])
def test_a_damaged_part_is_named(table, content):
    for text in ["x", "y"]:
        table.append(captions("0", {"a": text}))
    good, damaged = parts_of(table)
    damaged.write_bytes(content)
    for use in [table.read, lambda: table.compact(["0"])]:
        with pytest.raises(StoreError, match="delete it and run again") as refused:
            use()
        assert str(refused.value).startswith(str(damaged))
        assert str(good) not in str(refused.value)


def test_a_truncated_part_among_many_is_named_by_a_compaction(table):
    for number in range(MAX_PARTS + 1):
        table.append(captions("0", {str(number): "x"}))
    damaged = parts_of(table)[4]
    damaged.write_bytes(damaged.read_bytes()[:-30])
    with pytest.raises(StoreError, match=damaged.name):
        table.compact(["0"])
    assert len(parts_of(table)) == MAX_PARTS + 1


def test_a_column_of_another_type_is_named(table, folder):
    rows = stored_part("0", {"a": "x"}, [1]).with_columns(caption=pl.lit(5))
    rows.write_parquet(folder / part_name(1, "a"))
    with pytest.raises(StoreError, match="caption"):
        table.read()


def test_a_name_without_a_file_is_an_error_and_not_an_endless_wait(table, folder):
    (folder / part_name(1, "a")).symlink_to(folder / "missing")
    with pytest.raises(StoreError, match="names a part that is not there"):
        table.read()


def test_a_file_in_place_of_the_folder_is_named_with_the_reason(table):
    table.folder.mkdir()
    (table.folder / "shard=0").write_bytes(b"")
    for use in [table.read, lambda: table.append(captions("0", {"a": "x"}))]:
        with pytest.raises(StoreError, match="shard=0: Not a directory"):
            use()


def test_the_other_shards_are_read_though_one_is_damaged(table):
    for shard in "01":
        table.append(captions(shard, {"a": shard}))
    parts_of(table)[0].write_bytes(b"")
    assert texts_in(table, ["1"]) == ["1"]
