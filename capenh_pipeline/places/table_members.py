"""Tables of images that are read as folders: what is in `x.parquet`, as if it lay in `x`.

Row 12 is the image `000012.png`, by what its bytes are, and if it has a text, `000012.txt`.
"""

import errno
from collections.abc import Iterator
from typing import Any

from capenh_pipeline.domain.sidecars import EXTENSION
from capenh_pipeline.places.member import Member
from capenh_pipeline.places.member_index import known_index
from capenh_pipeline.places.source import Source
from capenh_pipeline.places.table_rows import contents, group_rows, layout_of

_DIGITS = 6
_HEAD_BYTES = 12
_AT_ONCE = 100  # rows that are looked at together
_STARTS = {
    b"\xff\xd8\xff": ".jpg",
    b"GIF8": ".gif",
    b"BM": ".bmp",
    b"II*\0": ".tif",
    b"MM\0*": ".tif",
    b"\xff\x0a": ".jxl",
    b"\0\0\0\x0cJXL ": ".jxl",
}


def members(table: Source) -> Iterator[Member]:
    """Yield the images and texts of a table in its order; all of it is read.

    An image that is null is there, without a byte.

    Raises:
        OSError: it cannot be read, is none, has no images in it, or has too many rows in a group,
            which shows after what comes before that.
    """
    ends = layout_of(table).ends
    groups = range(len(ends))
    if ends and ends[-1] and all(_is_null(group_rows(table, group)) for group in groups):
        raise OSError(errno.ENODATA, "its images are elsewhere; embed them in it")
    first = 0
    for group, end in zip(groups, ends, strict=True):
        yield from _members(group_rows(table, group), first, table.state.mtime_ns)
        first = end


def size_of(table: Source, name: str) -> int | None:
    """Return the size of an image or a text in bytes; None if there is none of that name.

    Raises:
        OSError: as in `members`.
    """
    if index := known_index(table):  # a group is read as a whole, for one row of it too
        place = index.place_of(name)
        return place and place[1]
    content = read_member(table, name)
    return None if content is None else len(content)


def read_member(table: Source, name: str) -> bytes | None:
    """Return the content of an image or a text of a table; None if there is none of that name.

    Raises:
        OSError: as in `members`.
    """
    stem, dot, ending = name.rpartition(".")
    if not (stem.isascii() and stem.isdigit()) or stem != _stem(int(stem)):
        return None
    place = layout_of(table).group_of(int(stem))
    if place is None:
        return None
    group, row = place
    rows = group_rows(table, group)
    if dot + ending == EXTENSION:
        return contents(rows, "text", row, 1)[0].as_py()
    content = contents(rows, "image", row, 1)[0].as_py() or b""
    return content if dot + ending == _ending(content[:_HEAD_BYTES]) else None


def _is_null(rows: Any) -> bool:
    return rows["image"].null_count == len(rows)


def _members(rows: Any, first: int, mtime_ns: int) -> Iterator[Member]:
    for start in range(0, len(rows), _AT_ONCE):
        facts = zip(*_facts(rows, start), strict=True)
        for row, (head, size, text) in enumerate(facts, start=first + start):
            yield Member(_stem(row) + _ending(head or b""), row, size or 0, mtime_ns)
            if text is not None:
                yield Member(_stem(row) + EXTENSION, row, text, mtime_ns)


def _facts(rows: Any, start: int) -> tuple[list[Any], list[Any], list[Any]]:
    """Return how some images begin, their sizes, and those of their texts, in bytes."""
    from pyarrow.compute import SliceOptions, call_function

    images, texts = (contents(rows, column, start, _AT_ONCE) for column in ("image", "text"))
    return (
        call_function("binary_slice", [images], SliceOptions(0, _HEAD_BYTES)).to_pylist(),
        call_function("binary_length", [images]).to_pylist(),
        call_function("binary_length", [texts]).to_pylist(),
    )


def _stem(row: int) -> str:
    return f"{row:0{_DIGITS}}"


def _ending(head: bytes) -> str:
    """Return what the name of an image ends in that begins so; what it is, its decoder tells."""
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return ".webp"
    if head[4:8] == b"ftyp":
        return ".avif" if head[8:11] == b"avi" else ".heic"
    return next((ending for start, ending in _STARTS.items() if head.startswith(start)), ".png")
