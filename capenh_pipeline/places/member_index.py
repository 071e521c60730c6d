"""Where members are in the containers that were gone through, so that this is done once."""

import os
import threading
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import NamedTuple

from capenh_pipeline.places.member import Member
from capenh_pipeline.places.source import Source

_MOST_CONTAINERS = 4096  # that are known
_LOCK = threading.Lock()


class MemberIndex(NamedTuple):
    """Where the members of a container are, in 24 bytes each; in order of keys."""

    keys: Sequence[int]
    places: Sequence[int]
    sizes: Sequence[int]

    def place_of(self, name: str) -> tuple[int, int] | None:
        """Return where a member is, and its size in bytes; None if there is none of that name."""
        key = _key(name)
        at = bisect_right(self.keys, key) - 1
        return (self.places[at], self.sizes[at]) if at >= 0 and self.keys[at] == key else None


_known: dict[Source, MemberIndex] = {}


def remember(container: Source, found: Iterable[Member]) -> MemberIndex:
    """Note what is in a container, and return it.

    Args:
        container: the file.
        found: all of its members that are ever read. Of several of one name the last counts.
    """
    rows = sorted((_key(one.name), one.at, one.size) for one in found)
    index = MemberIndex(*(array("Q", [row[column] for row in rows]) for column in range(3)))
    with _LOCK:
        _known[container] = index
        if len(_known) > _MOST_CONTAINERS:
            del _known[next(iter(_known))]
    return index


def known_index(container: Source) -> MemberIndex | None:
    """Return what is in a container, None where it was not noted."""
    return _known.get(container)


def _key(name: str) -> int:
    return int.from_bytes(blake2b(os.fsencode(name), digest_size=8).digest())
