"""The headers of a tar are read as Python's own reader does."""

import os
import tarfile
from io import BytesIO

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from capenh_pipeline.places.tar_headers import headers

FORMATS = [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT]
names = st.text(st.characters(exclude_characters="\0/", exclude_categories=["Cs"]), min_size=1)
paths = st.lists(names, min_size=1, max_size=4).map("/".join)
kinds = st.sampled_from([tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE])


def headers_of(tar):
    with tar.open("rb", buffering=0) as opened:
        return [*headers(opened, tar.stat().st_size)]


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(paths, kinds, st.integers(0, 2000)), max_size=5), st.sampled_from(FORMATS)
)
def test_they_are_those_of_pythons_reader(tmp_path, files, form):
    tar = tmp_path / "x.tar"
    with tarfile.open(tar, "w", format=form) as opened:
        for name, kind, size in files:
            member = tarfile.TarInfo(name)
            member.type, member.linkname, member.mtime = kind, "elsewhere", size * 3_000_000
            member.size = size if kind in tarfile.REGULAR_TYPES else 0
            opened.addfile(member, BytesIO(b"x" * size))
    with tarfile.open(tar) as opened:
        wanted = [
            (os.fsencode(one.name), one.offset_data, one.size, one.mtime)
            for one in opened
            if one.isreg()
        ]
    assert [(name.rstrip(b"/"), *place) for name, *place in headers_of(tar)] == wanted


@pytest.mark.parametrize(
    "size", [b"-0000000001\0", b"777777777777", b"nonsense\0\0\0\0", b"\x80" + b"\xff" * 11]
)
def test_a_size_that_cannot_be_ends_it(tmp_path, size):
    member = tarfile.TarInfo("a")
    block = bytearray(member.tobuf(tarfile.USTAR_FORMAT))
    block[124:136] = size
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    (tmp_path / "x.tar").write_bytes(bytes(block) + bytes(2048))
    with pytest.raises(OSError, match=r"it ends in its middle|it is no whole tar file"):
        headers_of(tmp_path / "x.tar")


def test_a_compressed_tar_is_none(tmp_path):
    with tarfile.open(tmp_path / "x.tar", "w:gz") as opened:
        opened.addfile(tarfile.TarInfo("a"))
    with pytest.raises(OSError, match="it is no whole tar file"):
        headers_of(tmp_path / "x.tar")
