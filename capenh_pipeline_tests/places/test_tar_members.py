"""A tar is read as a folder of its name."""

import os
import tarfile

import pytest

from capenh_pipeline.places.containers import (
    TARS,
    container_of,
    is_gone,
    is_in_container,
    is_member,
)
from capenh_pipeline.places.reading import read_file
from capenh_pipeline.places.source import source_of
from capenh_pipeline.places.tar_members import members
from capenh_pipeline_tests.tars import write_tar

LONG = "x" * 180


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
def test_members_are_read_by_the_path_that_they_would_have(tmp_path, form):
    names = ["a.png", "./b.png", "deep/er/c.txt", f"{LONG[:90]}/ü.png"]
    tar = write_tar(tmp_path / "x.tar", {name: name.encode() for name in names}, form=form)
    assert [one.name for one in members(source_of(tar))] == [
        name.removeprefix("./") for name in names
    ]
    for name in names:
        assert read_file(tmp_path / "x" / name) == name.encode()
    assert not is_gone(tmp_path / "x" / "deep" / "er" / "c.txt")
    assert is_gone(tmp_path / "x" / "d.png")
    assert is_in_container(tmp_path / "x" / "deep" / "d.png")
    assert not is_in_container(tmp_path / "y" / "d.png")
    with pytest.raises(FileNotFoundError):
        read_file(tmp_path / "x" / "d.png")
    with pytest.raises(OSError, match="larger than 3 bytes"):
        read_file(tmp_path / "x" / "a.png", most_bytes=3)


def test_a_file_that_is_there_hides_the_member_of_its_name(tmp_path):
    write_tar(tmp_path / "x.tar", {"a.txt": b"in the tar"})
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "a.txt").write_text("corrected")
    assert read_file(tmp_path / "x" / "a.txt") == b"corrected"
    (tmp_path / "x" / "a.txt").unlink()
    assert read_file(tmp_path / "x" / "a.txt") == b"in the tar"


def test_of_one_name_the_last_counts_and_a_tar_that_is_replaced_is_read_anew(tmp_path):
    tar = write_tar(tmp_path / "x.tar", {"a.txt": b"one", "./a.txt": b"two"})
    assert read_file(tmp_path / "x" / "a.txt") == b"two"
    write_tar(tmp_path / "new", {"b.txt": b"three", "a.txt": b"four"}).replace(tar)
    assert read_file(tmp_path / "x" / "a.txt") == b"four"


def test_no_name_leads_out_and_no_link_is_followed(tmp_path):
    tar = write_tar(tmp_path / "x.tar", {"../a.png": b"1", "/b.png": b"2", ".c.png": b"3"})
    with tarfile.open(tar, "a") as opened:
        link = tarfile.TarInfo("d.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        opened.addfile(link)
    assert [one.name for one in members(source_of(tar))] == ["b.png"]


def test_what_is_no_whole_tar_says_so_after_what_is_whole(tmp_path):
    tar = write_tar(tmp_path / "x.tar", {"a.txt": b"a" * 2000, "b.txt": b"b" * 2000})
    os.truncate(tar, 4000)
    found = members(source_of(tar))
    assert next(found).name == "a.txt"
    with pytest.raises(OSError, match="it ends in its middle"):
        next(found)
    assert read_file(tmp_path / "x" / "a.txt") == b"a" * 2000
    assert not is_member(tmp_path / "x" / "b.txt")
    (tmp_path / "y.tar").write_bytes(b"no tar" * 500)
    with pytest.raises(OSError, match="it is no whole tar file"):
        next(members(source_of(tmp_path / "y.tar")))


def test_the_nearest_tar_below_the_dataset_counts(tmp_path):
    write_tar(tmp_path / "images.tar", {"a.png": b"outside"})
    inner = write_tar(tmp_path / "images" / "x.tar", {"a.png": b"inside"})
    root = tmp_path / "images"
    assert container_of(root, "", TARS) is None
    assert container_of(root, "y", TARS) is None
    assert container_of(root, "x", TARS) == (source_of(inner), "")
    assert container_of(root, "x/deep/er", TARS) == (source_of(inner), "deep/er")
