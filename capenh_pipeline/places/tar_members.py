"""What is in a tar file: regular files, of which only the headers are read to find them."""

import os
import threading
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from pathlib import Path

from capenh_pipeline.domain.file_times import storable_ns
from capenh_pipeline.places.member import Member
from capenh_pipeline.places.object_place import PART_BYTES
from capenh_pipeline.places.source import Source
from capenh_pipeline.places.tar_headers import headers

_MOST_TARS = 4096  # whose places are remembered: 24 bytes a member
_indexes: dict[Source, tuple[Sequence[int], Sequence[int], Sequence[int]]] = {}  # in order of keys
_LOCK = threading.Lock()
_AHEAD = 0, PART_BYTES  # on a disk nothing is read between headers, elsewhere everything


def members(tar: Source) -> Iterator[Member]:
    """Yield the regular files of a tar in its order.

    Those with a name that leads out of it, a hidden one, or one that no file can have, are left
    out. Of several of one name the last counts.

    Raises:
        OSError: it cannot be read, is none, is compressed, or ends in its middle, which shows after
            all that is whole.
    """
    with tar.opened(ahead=_AHEAD[not isinstance(tar.place, Path)]) as opened:
        for header in headers(opened, tar.state.size_bytes):
            parts = [part for part in os.fsdecode(header.name).split("/") if part not in ("", ".")]
            if parts and not any(part.startswith(".") or "\0" in part for part in parts):
                mtime_ns = storable_ns(header.mtime_s * 1_000_000_000)
                yield Member("/".join(parts), header.offset, header.size, mtime_ns)


def size_of(tar: Source, name: str) -> int | None:
    """Return the size of a member in bytes; None if there is none of that name.

    Raises:
        OSError: the tar cannot be read.
    """
    place = _place_of(tar, name)
    return place and place[1]


def read_member(tar: Source, name: str) -> bytes | None:
    """Return the content of a member; None if there is none of that name.

    Raises:
        OSError: the tar cannot be read.
    """
    place = _place_of(tar, name)
    return place and tar.read(*place)


def remember(tar: Source, found: Iterable[Member]) -> None:
    """Note what is in a tar, so that it is not gone through for one of its members.

    Args:
        tar: the file.
        found: all of its members that are ever read.
    """
    places = sorted((_key(one.name), one.at, one.size) for one in found)
    keys, offsets, sizes = (array("Q", [one[column] for one in places]) for column in range(3))
    with _LOCK:
        _indexes[tar] = keys, offsets, sizes
        if len(_indexes) > _MOST_TARS:
            del _indexes[next(iter(_indexes))]


def _place_of(tar: Source, name: str) -> tuple[int, int] | None:
    """Return the offset and the size of a member."""
    if tar not in _indexes:
        remember(tar, _whole(tar))
    keys, offsets, sizes = _indexes[tar]
    key = _key(name)
    at = bisect_right(keys, key) - 1
    return (offsets[at], sizes[at]) if at >= 0 and keys[at] == key else None


def _whole(tar: Source) -> list[Member]:
    """Return the members of a tar that are whole, if there is any."""
    found: list[Member] = []
    try:
        found += members(tar)
    except OSError:
        if not found:
            raise
    return found


def _key(name: str) -> int:
    return int.from_bytes(blake2b(os.fsencode(name), digest_size=8).digest())
