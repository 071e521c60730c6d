"""The states of files: one that has not changed has the same state.

Those of a file system are size, mtime and ctime. An object has no ctime: a digest of its entity
tag, which other content has another of, stands in its place. It is always below zero, which is
long ago as a time: an object that has just been written is there whole, and one that is written
again has another tag, so that none is too young for its state to be believed.
"""

import hashlib
import os
import stat
from typing import NamedTuple

from capenh_pipeline.domain.file_times import storable_ns
from capenh_pipeline.places.object_place import ObjectPlace, ObjectState
from capenh_pipeline.places.place import Place

_SECOND_NS = 1_000_000_000


class FileState(NamedTuple):
    """A file as it stands; it was not changed between two states that are equal."""

    size_bytes: int
    mtime_ns: int
    ctime_ns: int
    is_regular: bool


def state_of(file: Place) -> FileState | None:
    """Return the state of a file, or of a link itself; None where there is nothing.

    Raises:
        OSError: nobody can tell.
    """
    try:
        return object_state(file.stat()) if isinstance(file, ObjectPlace) else _state(file.lstat())
    except (FileNotFoundError, NotADirectoryError):
        return None


def content_state(file: Place) -> FileState:
    """Return the state of a file, or of what a link leads to.

    Raises:
        OSError: there is none, or nobody can tell.
    """
    return object_state(file.stat()) if isinstance(file, ObjectPlace) else _state(file.stat())


def _state(found: os.stat_result) -> FileState:
    times = storable_ns(found.st_mtime_ns), storable_ns(found.st_ctime_ns)
    return FileState(found.st_size, *times, stat.S_ISREG(found.st_mode))


def object_state(found: ObjectState) -> FileState:
    """Return the state of an object, however it was asked for.

    Some answers have fractions of a second, quotes around the tag or its version, others do not.
    """
    mtime_ns = int(found.st_mtime) * _SECOND_NS
    tag = found.version.get("e_tag", "").strip('"')
    digest = hashlib.blake2b(tag.encode(), digest_size=8).digest()
    return FileState(found.st_size, mtime_ns, -2 - (int.from_bytes(digest) >> 1), is_regular=True)
