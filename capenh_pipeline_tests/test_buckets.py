"""Rows in buckets come back as they were, from memory and from the disk alike."""

import gc
import resource
import sys
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capenh_pipeline import buckets
from capenh_pipeline.buckets import Buckets, FolderBuckets, together
from capenh_pipeline.errors import StoreError

SCHEMA = {"path": pl.String, "size": pl.Int64, "content": pl.Binary}


def rows(paths):
    sizes = range(len(paths))
    contents = [path.encode() if number % 2 else None for number, path in enumerate(paths)]
    return pl.DataFrame({"path": paths, "size": sizes, "content": contents}, schema=SCHEMA)


@pytest.fixture(params=[2, 50_000], ids=["on the disk", "in memory"])
def most_rows(request, monkeypatch):
    monkeypatch.setattr(buckets, "MOST_ROWS", request.param)


@pytest.mark.usefixtures("most_rows")
def test_rows_come_back_bucket_by_bucket_in_the_order_in_which_they_came(tmp_path):
    kept = Buckets(SCHEMA, 3, folder=tmp_path)
    for name in ("ab", "cde", "f"):
        kept.add(rows([*name]), pl.Series([ord(letter) % 3 for letter in name]))
    assert kept.read([1])["path"].to_list() == ["a", "d"]
    assert kept.read([0])["path"].to_list() == ["c", "f"]
    assert sorted(kept.read([0, 2])["path"]) == ["b", "c", "e", "f"]
    assert kept.rows == [2, 2, 2]
    assert (
        kept.read()
        .sort("path")
        .equals(pl.concat([rows(["a", "b"]), rows(["c", "d", "e"]), rows(["f"])]))
    )


@settings(deadline=None)
@given(
    frames=st.lists(
        st.lists(st.from_regex(r"(a|b/|c/d/|é/|\n/){0,2}[xy\n]{1,2}", fullmatch=True), max_size=6),
        max_size=5,
    )
)
def test_all_rows_of_a_folder_are_beside_each_of_them(frames):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(buckets, "MOST_ROWS", 3)
        kept = FolderBuckets(SCHEMA)
        for paths in frames:
            kept.append(rows(paths))
        everything = [path for paths in frames for path in paths]
        for path in everything:
            folder = path.rpartition("/")[0]
            found = kept.beside(pl.Series([path]))["path"].to_list()
            for other in everything:
                if other.rpartition("/")[0] == folder:
                    assert found.count(other) == everything.count(other)
        groups = together(kept)
        assert sorted(path for group in groups for path in kept.read(group)["path"]) == sorted(
            everything
        )


def test_groups_are_small_unless_a_bucket_is_large(monkeypatch):
    monkeypatch.setattr(buckets, "MOST_ROWS", 4)
    some, others = Buckets(SCHEMA, 5), Buckets(SCHEMA, 5)
    some.add(rows([*"abcdefghi"]), pl.Series([0, 0, 1, 2, 2, 2, 2, 2, 4]))
    others.add(rows([*"ab"]), pl.Series([0, 1]))
    assert together(some, others) == [[0], [1], [2, 3], [4]]
    assert together(Buckets(SCHEMA, 2)) == [[0, 1]]
    flat = Buckets(SCHEMA, 5)
    flat.add(rows([*"abcdefghi"]), pl.Series([2] * 9))
    assert together(flat) == [[0, 1, 2, 3, 4]]


def opened_in(folder):
    descriptors = Path("/proc/self/fd").iterdir()
    targets = [str(one.readlink()) for one in descriptors if one.is_symlink()]
    return [target for target in targets if target.startswith(str(folder))]


def test_nothing_is_left_in_the_folder_and_no_file_stays_open(tmp_path, monkeypatch):
    monkeypatch.setattr(buckets, "MOST_ROWS", 2)
    kept = Buckets(SCHEMA, 2, folder=tmp_path)
    kept.add(rows([*"abc"]), pl.Series([0, 1, 0]))
    assert [*tmp_path.iterdir()] == []
    assert len(opened_in(tmp_path)) == 1
    del kept
    assert opened_in(tmp_path) == []


def test_a_disk_that_takes_nothing_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(buckets, "MOST_ROWS", 2)
    kept = Buckets(SCHEMA, 2, folder=tmp_path / "gone")
    with pytest.raises(StoreError, match=r"Temporary files cannot be written in .*gone: No such"):
        kept.add(rows([*"abc"]), pl.Series([0, 1, 0]))


@contextmanager
def no_file_larger_than(size_bytes):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def add_until_it_fails(folder):
    kept = Buckets(SCHEMA, 2, folder=folder)
    for _ in range(1000):
        try:
            kept.add(rows([*"abc"]), pl.Series([0, 1, 0]))
        except StoreError as error:
            return str(error)
    return None


def test_a_disk_that_is_full_is_one_sentence_and_nothing_is_said_when_the_file_closes(
    tmp_path, monkeypatch
):
    complaints = []
    monkeypatch.setattr(sys, "unraisablehook", complaints.append)
    monkeypatch.setattr(buckets, "MOST_ROWS", 2)
    with no_file_larger_than(10_000):
        said = add_until_it_fails(tmp_path)
        gc.collect()
    assert said is not None
    assert said.startswith(f"Temporary files cannot be written in {tmp_path}: File too large")
    assert opened_in(tmp_path) == []
    assert complaints == []
