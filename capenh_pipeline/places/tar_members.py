"""What is in a tar file: regular files, of which only the headers are read to find them."""

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from capenh_pipeline.domain.file_times import storable_ns
from capenh_pipeline.places.member import Member
from capenh_pipeline.places.member_index import known_index, remember
from capenh_pipeline.places.object_place import PART_BYTES
from capenh_pipeline.places.source import Source
from capenh_pipeline.places.tar_headers import headers


def members(tar: Source) -> Iterator[Member]:
    """Yield the regular files of a tar in its order.

    Those with a name that leads out of it, a hidden one, or one that no file can have, are left
    out. Of several of one name the last counts.

    Raises:
        OSError: it cannot be read, is none, is compressed, or ends in its middle, which shows after
            all that is whole.
    """
    # on a disk nothing is read between headers, elsewhere everything
    ahead = 0 if isinstance(tar.place, Path) else PART_BYTES
    with tar.opened(ahead=ahead) as opened:
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


def _place_of(tar: Source, name: str) -> tuple[int, int] | None:
    """Return the offset and the size of a member."""
    index = known_index(tar) or remember(tar, partial(_whole, tar))
    return index.place_of(name)


def _whole(tar: Source) -> list[Member]:
    """Return the members of a tar that are whole, if there is any."""
    found: list[Member] = []
    try:
        found += members(tar)
    except OSError:
        if not found:
            raise
    return found
