"""Tar files that are read as folders: what is in `x.tar` is read as if it lay in the folder `x`.

Nothing is ever written into a tar. A file that is really in the folder hides the member of its
name, so caption files and people's corrections lie there.
"""

import errno
import os
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

from capenh_pipeline.places.tar_headers import headers

TAR_ENDING = ".tar"

_MOST_TARS = 4096  # whose places are remembered: 24 bytes a member


class Member(NamedTuple):
    """A regular file in a tar.

    Attributes:
        name: its path in the tar, / between the parts.
        offset: where its content begins, in bytes.
        size: of its content, in bytes.
        mtime_s: when it was written, in whole seconds since 1970.
    """

    name: str
    offset: int
    size: int
    mtime_s: int


def members(tar: Path) -> Iterator[Member]:
    """Yield the regular files of a tar in its order; only its headers are read.

    Those with a name that leads out of it, or a hidden one, are left out. Of several of one name
    the last counts.

    Raises:
        OSError: it cannot be read, is none, is compressed, or ends in its middle, which shows after
            all that is whole.
    """
    for header in headers(tar):
        parts = [part for part in os.fsdecode(header.name).split("/") if part not in ("", ".")]
        if parts and not any(part.startswith(".") for part in parts):
            yield Member("/".join(parts), *header[1:])


def tar_of(root: Path, folder: str) -> tuple[Path, str] | None:
    """Return the tar that is read as a folder or one above it, and the path in it; or None.

    Args:
        root: above it none is looked for.
        folder: relative to it.
    """
    inside: list[str] = []
    parts = folder.split("/") if folder else []
    while parts:
        tar = root / ("/".join(parts) + TAR_ENDING)
        if tar.is_file():
            return tar, "/".join(inside)
        inside.insert(0, parts.pop())
    return None


def is_in_tar(file: Path) -> bool:
    """Return whether a tar is read as one of the folders that a file is in."""
    return any(_tar_beside(folder).is_file() for folder in file.parents if folder.name)


def is_member(file: Path) -> bool:
    """Return whether a path is of a member of a tar."""
    return _place_of(file) is not None


def read_member(file: Path, *, most_bytes: int | None = None) -> bytes | None:
    """Return the content of a member, by the path that it is read under; None if it is none.

    Raises:
        OSError: the tar cannot be read, or it is larger than `most_bytes`.
    """
    place = _place_of(file)
    if place is None:
        return None
    tar, offset, size = place
    if most_bytes is not None and size > most_bytes:
        raise OSError(errno.EFBIG, f"it is larger than {most_bytes} bytes", str(file))
    with tar.open("rb") as opened:
        opened.seek(offset)
        return opened.read(size)


def _place_of(file: Path) -> tuple[Path, int, int] | None:
    """Return where a member is: its tar, offset and size."""
    for folder in file.parents:
        tar = _tar_beside(folder)
        if folder.name and tar.is_file():
            found = tar.stat()
            index = _index(tar, (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns))
            key = _key(file.relative_to(folder).as_posix())
            at = bisect_right(index[0], key) - 1
            if at >= 0 and index[0][at] == key:
                return tar, index[1][at], index[2][at]
    return None


def _tar_beside(folder: Path) -> Path:
    return folder.with_name(folder.name + TAR_ENDING) if folder.name else folder


@lru_cache(_MOST_TARS)
def _index(tar: Path, state: tuple[int, ...]) -> tuple[Sequence[int], Sequence[int], Sequence[int]]:
    """Return hashes of the names of a tar's members, in order, their offsets and sizes."""
    del state  # with another one it is another tar
    found: list[tuple[int, int, int]] = []
    try:
        found += ((_key(one.name), one.offset, one.size) for one in members(tar))
    except OSError:
        if not found:
            raise
    found.sort()
    keys, offsets, sizes = (array("Q", [one[place] for one in found]) for place in range(3))
    return keys, offsets, sizes


def _key(name: str) -> int:
    return int.from_bytes(blake2b(os.fsencode(name), digest_size=8).digest())
