"""Where members are in the containers that were gone through, so that this is done once."""

import os
import threading
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from hashlib import blake2b

from capenh_pipeline.places.member import Member
from capenh_pipeline.places.source import Source

_MOST_CONTAINERS = 4096  # that are known
_LOCK = threading.Lock()


class MemberIndex:
    """Where the members of a container are, in 24 bytes each once one of them was asked for."""

    def __init__(self, found: Callable[[], Iterable[Member]]) -> None:
        """Note how they are found; of several of one name the last counts."""
        self._found = found
        self._lock = threading.Lock()
        self._columns: tuple[Sequence[int], ...] = ()  # keys in order, places, sizes

    def place_of(self, name: str) -> tuple[int, int] | None:
        """Return where a member is, and its size in bytes; None if there is none of that name.

        Raises:
            OSError: nothing can be found.
        """
        keys, places, sizes = self._made()
        key = _key(name)
        at = bisect_right(keys, key) - 1
        return (places[at], sizes[at]) if at >= 0 and keys[at] == key else None

    def _made(self) -> tuple[Sequence[int], ...]:
        with self._lock:
            if not self._columns:
                rows = sorted((_key(one.name), one.at, one.size) for one in self._found())
                self._columns = tuple(array("Q", [row[at] for row in rows]) for at in range(3))
                self._found = tuple  # what was found is not held twice
            return self._columns


_known: dict[Source, MemberIndex] = {}


def remember(container: Source, found: Callable[[], Iterable[Member]]) -> MemberIndex:
    """Note what is in a container, and return it.

    Args:
        container: the file.
        found: returns all of its members that are ever read; it is called if one of them is.
    """
    index = MemberIndex(found)
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
