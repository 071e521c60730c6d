"""What is in a tar file: regular files, of which only the headers are read to find them."""

import os
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path

from capenh_pipeline.domain.file_times import storable_ns
from capenh_pipeline.places.file_state import FileState, content_state
from capenh_pipeline.places.member import Member
from capenh_pipeline.places.tar_headers import headers

_MOST_TARS = 4096  # whose places are remembered: 24 bytes a member


def members(tar: Path) -> Iterator[Member]:
    """Yield the regular files of a tar in its order.

    Those with a name that leads out of it, or a hidden one, are left out. Of several of one name
    the last counts.

    Raises:
        OSError: it cannot be read, is none, is compressed, or ends in its middle, which shows after
            all that is whole.
    """
    for header in headers(tar):
        parts = [part for part in os.fsdecode(header.name).split("/") if part not in ("", ".")]
        if parts and not any(part.startswith(".") for part in parts):
            mtime_ns = storable_ns(header.mtime_s * 1_000_000_000)
            yield Member("/".join(parts), header.offset, header.size, mtime_ns)


def size_of(tar: Path, name: str) -> int | None:
    """Return the size of a member in bytes; None if there is none of that name.

    Raises:
        OSError: the tar cannot be read.
    """
    place = _place_of(tar, name)
    return place and place[1]


def read_member(tar: Path, name: str) -> bytes | None:
    """Return the content of a member; None if there is none of that name.

    Raises:
        OSError: the tar cannot be read.
    """
    place = _place_of(tar, name)
    if place is None:
        return None
    offset, size = place
    with tar.open("rb") as opened:
        opened.seek(offset)
        return opened.read(size)


def _place_of(tar: Path, name: str) -> tuple[int, int] | None:
    """Return the offset and the size of a member."""
    index, key = _index(tar, content_state(tar)), _key(name)
    at = bisect_right(index[0], key) - 1
    return (index[1][at], index[2][at]) if at >= 0 and index[0][at] == key else None


@lru_cache(_MOST_TARS)
def _index(tar: Path, state: FileState) -> tuple[Sequence[int], Sequence[int], Sequence[int]]:
    """Return hashes of the names of a tar's members, in order, their offsets and sizes."""
    del state  # with another one it is another tar
    found: list[tuple[int, int, int]] = []
    try:
        found += ((_key(one.name), one.at, one.size) for one in members(tar))
    except OSError:
        if not found:
            raise
    found.sort()
    keys, offsets, sizes = (array("Q", [one[place] for one in found]) for place in range(3))
    return keys, offsets, sizes


def _key(name: str) -> int:
    return int.from_bytes(blake2b(os.fsencode(name), digest_size=8).digest())
