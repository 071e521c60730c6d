"""The headers of a tar file (POSIX 1003.1-2001 "pax", and what GNU tar adds), without its contents.

Python's own reader makes an object of each, which takes ten times as long; a shard is gone through
by every run, and has some ten thousand.
"""

import errno
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

_BLOCK = 512
_REGULAR = b"0\x007"
_PAX, _GNU_NAME = b"x", b"L"
_MOST_NAME = 1 << 16
_CHECKSUM = slice(148, 156)


class Header(NamedTuple):
    """A regular file in a tar.

    Attributes:
        name: as it is written there.
        offset: where its content begins, in bytes.
        size: of its content, in bytes.
        mtime_s: when it was written, in whole seconds since 1970.
    """

    name: bytes
    offset: int
    size: int
    mtime_s: int


def headers(tar: BinaryIO, end: int) -> Iterator[Header]:
    """Yield the regular files of a tar, in its order; sparse ones are left out.

    Args:
        tar: an open file.
        end: its size in bytes.

    Raises:
        OSError: it cannot be read, is none, is compressed, or ends in its middle, which shows after
            all that is whole.
    """
    at, said = 0, dict[str, bytes]()  # said of the next file, by headers of their own
    while at < end:
        tar.seek(at)
        block = tar.read(_BLOCK)
        if not any(block):
            return
        size, kind = _size(block), block[156:157]
        at += _BLOCK
        if kind in (_PAX, _GNU_NAME):
            said |= _extension(tar.read(min(size, _MOST_NAME)), kind)
        else:
            size, name = _told(said.get("size"), size), said.get("path") or _name(block)
            is_sparse = any(key.startswith("GNU.sparse") for key in said)
            said = {}
        if not 0 <= size <= end - at:
            raise OSError(errno.EIO, "it ends in its middle")
        if kind in _REGULAR and not is_sparse:
            yield Header(name, at, size, _number(block[136:148]))
        at += -(-size // _BLOCK) * _BLOCK


def _size(block: bytes) -> int:
    """Return the size that a header tells, once its checksum is right."""
    try:
        told = int(block[_CHECKSUM].strip(b"\0 ") or b"0", 8)
        if len(block) == _BLOCK and told == sum(block) - sum(block[_CHECKSUM]) + 8 * ord(" "):
            _number(block[136:148])
            return _number(block[124:136])
    except ValueError:
        pass
    raise OSError(errno.EIO, "it is no whole tar file")


def _number(field: bytes) -> int:
    """Return a number in octal digits, or where they do not suffice, in bytes.

    Raises:
        ValueError: it is none.
    """
    return int.from_bytes(field[1:]) if field[0] & 0x80 else int(field.strip(b"\0 ") or b"0", 8)


def _told(size: bytes | None, otherwise: int) -> int:
    """Return the size that a header of its own tells, where eight octal digits do not suffice."""
    return int(size) if size and size.isdigit() else otherwise


def _name(block: bytes) -> bytes:
    name, prefix = block[:100].partition(b"\0")[0], b""
    if block[257:263] == b"ustar\0":
        prefix = block[345:500].partition(b"\0")[0]
    return prefix + b"/" + name if prefix else name


def _extension(content: bytes, kind: bytes) -> dict[str, bytes]:
    """Return what a header says of the file after it: records of LENGTH KEY=VALUE, or its name."""
    if kind == _GNU_NAME:
        return {"path": content.partition(b"\0")[0]}
    found: dict[str, bytes] = {}
    while content:
        length, _, _ = content.partition(b" ")
        if not length.isdigit() or not int(length):
            break
        record, content = content[: int(length)], content[int(length) :]
        key, _, value = record[len(length) + 1 : -1].partition(b"=")
        found[key.decode(errors="replace")] = value
    return found
