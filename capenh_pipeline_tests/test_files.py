"""Files appear whole or not at all."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from capenh_pipeline.files import (
    TEMPORARY_PREFIX,
    create_atomically,
    make_folder,
    read_regular_file,
    replace_file,
    sync_folder,
    write_atomically,
)


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_is_made_with_its_parents_and_may_be_there_already(tmp_path):
    make_folder(tmp_path / "a" / "b")
    make_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()


def test_a_folder_cannot_be_made_where_a_file_is(tmp_path):
    (tmp_path / "a").write_bytes(b"")
    with pytest.raises(FileExistsError):
        make_folder(tmp_path / "a")
    with pytest.raises(FileExistsError):
        make_folder(tmp_path / "a" / "b")


def test_a_file_is_replaced_and_no_other_one_is_left(tmp_path):
    write_atomically(tmp_path / "a", b"old")
    write_atomically(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"new"
    assert names_in(tmp_path) == ["a"]


def test_a_name_as_long_as_the_file_system_takes_can_be_written(tmp_path):
    write_atomically(tmp_path / ("n" * 255), b"x")
    assert names_in(tmp_path) == ["n" * 255]


def test_a_failed_write_leaves_the_target_and_no_temporary_file(tmp_path):
    (tmp_path / "a").mkdir()
    with pytest.raises(OSError, match="directory"):
        write_atomically(tmp_path / "a", b"new")
    assert names_in(tmp_path) == ["a"]


def test_writing_into_a_missing_folder_says_so(tmp_path):
    with pytest.raises(FileNotFoundError):
        write_atomically(tmp_path / "missing" / "a", b"")


def test_a_file_that_is_there_is_not_created_again(tmp_path):
    assert create_atomically(tmp_path / "a", b"first")
    assert not create_atomically(tmp_path / "a", b"second")
    assert (tmp_path / "a").read_bytes() == b"first"
    assert names_in(tmp_path) == ["a"]


def test_of_many_creators_exactly_one_wins(tmp_path):
    contents = [bytes([number]) * 1000 for number in range(16)]
    with ThreadPoolExecutor(16) as pool:
        won = list(pool.map(lambda content: create_atomically(tmp_path / "a", content), contents))
    assert won.count(True) == 1
    assert (tmp_path / "a").read_bytes() == contents[won.index(True)]
    assert names_in(tmp_path) == ["a"]


def test_a_folder_can_be_synced_and_a_missing_one_is_an_error(tmp_path):
    sync_folder(tmp_path)
    with pytest.raises(FileNotFoundError):
        sync_folder(tmp_path / "missing")


def test_temporary_files_are_hidden():
    assert TEMPORARY_PREFIX.startswith(".")


def test_one_of_many_files_is_replaced_by_way_of_a_named_file_that_a_kill_may_have_left(tmp_path):
    temporary = tmp_path / f"{TEMPORARY_PREFIX}a"
    temporary.write_bytes(b"left behind")
    (tmp_path / "a").write_bytes(b"old")
    replace_file(tmp_path / "a", b"new", temporary=temporary)
    assert (tmp_path / "a").read_bytes() == b"new"
    assert names_in(tmp_path) == ["a"]


def test_a_file_that_cannot_be_replaced_leaves_no_temporary_one(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError):
        replace_file(tmp_path / "folder", b"", temporary=tmp_path / f"{TEMPORARY_PREFIX}a")
    assert names_in(tmp_path) == ["folder"]


def test_a_folder_that_is_taken_for_a_file_is_not_left_open(tmp_path):
    """A sensor would have no file left to open after some hours of a folder named `a.txt`."""
    with pytest.raises(IsADirectoryError):
        read_regular_file(tmp_path)
    opened = [one.readlink() for one in Path("/proc/self/fd").iterdir() if one.is_symlink()]
    assert tmp_path not in opened
