"""Groups of rows of Arrow files: found without reading them, and read one by one.

A stream is a sequence of messages, each with its size before it: the columns, then groups of rows,
and before them what their categories are. A file has those too, but it is its footer that tells of
the columns and where the others are: polars writes no message of columns.
https://arrow.apache.org/docs/format/Columnar.html#serialization-and-interprocess-communication-ipc
"""

import struct
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, BinaryIO, NamedTuple

from capenh_pipeline.places.flat_buffers import FlatTable
from capenh_pipeline.places.source import Source
from capenh_pipeline.places.table_faults import not_whole, require_moderate, table_faults

_MAGIC = b"ARROW1"  # at both ends of a file with a footer
_END = struct.Struct("<i6s")  # of it: how long the footer is that lies before this
_BEFORE = struct.Struct("<Ii")
_OLD_BEFORE = struct.Struct("<i")  # of messages before Arrow 0.15 and the end of streams
_CONTINUES = 0xFFFFFFFF
_COLUMNS, _CATEGORIES, _ROWS = 1, 2, 3  # types of a message
_VERSION, _TYPE, _HEADER, _BODY_BYTES = 0, 1, 2, 3  # fields of a message; a footer has the first
_COUNT, _BUFFERS, _COMPRESSION = 0, 2, 3  # fields of a group
_OF_CATEGORIES = 1  # field of categories: they are as a group
_IN_FOOTER = {_COLUMNS: 1, _CATEGORIES: 2, _ROWS: 3}  # fields
_OLD_COMPRESSION = b"ARROW:experimental_compression"  # told of the message, before Arrow 1.0
_BUFFER, _BLOCK = "<qq", "<q16x"  # where they are, and how long; where they are
_MESSAGE = struct.Struct("<I5H2xiIhB5x")  # a message of columns, up to what is told of these
_MOST_TOLD = 1 << 24  # by a message about itself, or by a footer
_MOST_FILES = 256  # of which it is remembered where groups are
_AHEAD = 1 << 14


class _Message(NamedTuple):
    """A message of a file.

    Attributes:
        kind: its type.
        start: where it begins in the file, its size included.
        end: where it ends.
        rows: how many are in it, or categories.
    """

    kind: int
    start: int
    end: int
    rows: int


class _Group(NamedTuple):
    """A group of rows, and how many of the file's categories, from the first, it may need."""

    place: _Message
    categories: int


class _Parts(NamedTuple):
    """What an Arrow file is made of; of the columns it is the message itself."""

    columns: bytes
    categories: Sequence[_Message]
    groups: Sequence[_Group]


def arrow_layout(table: Source) -> tuple[Any, list[int]]:
    """Return the `pyarrow.Schema` of an Arrow file, and how many rows are in each group.

    Raises:
        OSError: it cannot be read, or is none, or not whole.
    """
    from pyarrow.ipc import open_stream

    with table_faults():
        parts = _parts_of(table)
        return open_stream(parts.columns).schema, [group.place.rows for group in parts.groups]


def arrow_group(table: Source, group: int) -> Any:
    """Return a group as a `pyarrow.Table`.

    Raises:
        OSError: as in `arrow_layout`, or the group is too large.
    """
    from pyarrow.ipc import open_stream

    with table_faults():
        rows = open_stream(_stream(table, group)).read_all()
        if len(rows) != _parts_of(table).groups[group].place.rows:
            raise not_whole()
        return rows


def read_bytes(table: Source, group: int) -> int:
    """Return how many bytes are read for a group; columns that are not compressed lie in these.

    Raises:
        OSError: as in `arrow_layout`.
    """
    with table_faults():
        return sum(one.end - one.start for one in _needed(table, group))


def _stream(table: Source, group: int) -> bytes:
    """Return what is needed for a group in one piece, if there is room for what it is decoded."""
    require_moderate(read_bytes(table, group))
    contents = [table.read(one.start, one.end - one.start) for one in _needed(table, group)]
    require_moderate(sum(map(_decoded_bytes, contents)))
    return b"".join([_parts_of(table).columns, *contents])


def _needed(table: Source, group: int) -> list[_Message]:
    parts = _parts_of(table)
    place, categories = parts.groups[group]
    return [*parts.categories[:categories], place]


@lru_cache(_MOST_FILES)
def _parts_of(table: Source) -> _Parts:
    with table.opened(ahead=_AHEAD) as opened:
        has_footer = opened.read(len(_MAGIC)) == _MAGIC
        parts_of = _parts_by_footer if has_footer else _parts_of_stream
        return parts_of(opened, table.state.size_bytes)


def _parts_of_stream(opened: BinaryIO, size: int) -> _Parts:
    columns = _message(opened, 0, size)
    if columns is None or columns.kind != _COLUMNS or columns.end > _MOST_TOLD:
        raise not_whole()
    opened.seek(0)
    content = opened.read(columns.end)
    categories: list[_Message] = []
    groups = []
    end = columns.end
    while message := _message(opened, end, size):
        if message.kind == _CATEGORIES:
            categories.append(message)
        else:
            groups.append(_group(message, len(categories)))
        end = message.end
    return _Parts(content, categories, groups)


def _parts_by_footer(opened: BinaryIO, size: int) -> _Parts:
    end = max(size - _END.size, 0)
    opened.seek(end)
    last = opened.read()
    told, magic = _END.unpack(last) if len(last) == _END.size else (0, b"")
    if magic != _MAGIC or not 0 < told <= min(end, _MOST_TOLD):
        raise not_whole()
    opened.seek(end - told)
    content = opened.read(told)
    footer = FlatTable.root_of(content)
    categories, rows = (
        [_message(opened, place, end) for (place,) in footer.structs(_BLOCK, _IN_FOOTER[kind])]
        for kind in (_CATEGORIES, _ROWS)
    )
    known = [message for message in categories if message and message.kind == _CATEGORIES]
    if len(known) < len(categories):
        raise not_whole()
    groups = [_group(message, len(known)) for message in rows]
    return _Parts(_message_of_columns(content, footer), known, groups)


def _message_of_columns(content: bytes, footer: FlatTable) -> bytes:
    """Return a message with a footer in it that leads to the columns of that."""
    version = footer.number("<h", _VERSION)
    columns = _MESSAGE.size + footer.table(_IN_FOOTER[_COLUMNS]).at
    # where its table is, sizes and places of its fields, the table with the way to the columns
    before = _MESSAGE.pack(16, 10, 12, 8, 10, 4, 12, columns - 20, version, _COLUMNS)
    content = before + content + bytes(-len(content) % 8)
    return _BEFORE.pack(_CONTINUES, len(content)) + content


def _group(message: _Message | None, categories: int) -> _Group:
    if message is None or message.kind != _ROWS:
        raise not_whole()
    return _Group(message, categories)


def _message(opened: BinaryIO, start: int, size: int) -> _Message | None:
    """Return the message at a place of a file; None if that is the end."""
    if not 0 <= start <= size:
        raise not_whole()
    opened.seek(start)
    before = opened.read(_BEFORE.size)
    if not before:
        return None
    told, told_at = _told(before)
    body = start + told_at + told
    if body > size or told > _MOST_TOLD:
        raise not_whole()
    if not told:
        return None
    opened.seek(start + told_at)
    message = FlatTable.root_of(opened.read(told))
    end = body + message.number("<q", _BODY_BYTES)
    if not body <= end <= size:
        raise not_whole()
    kind, rows = message.number("<B", _TYPE), _rows_of(message)
    count = rows.number("<q", _COUNT) if rows else 0
    if count < 0:
        raise not_whole()
    return _Message(kind, start, end, count)


def _told(before: bytes) -> tuple[int, int]:
    """Return how many bytes a message tells of itself, and where in it they begin."""
    for way in (_BEFORE, _OLD_BEFORE):
        if len(before) >= way.size:
            *continues, told = way.unpack_from(before)
            if told >= 0 and continues in ([_CONTINUES], []):
                return int(told), way.size
    raise not_whole()


def _decoded_bytes(content: bytes) -> int:
    """Return the memory that a message takes when nothing in it is compressed any more."""
    told, told_at = _told(content)
    body = told_at + told
    header = content[told_at:body]
    rows = _rows_of(FlatTable.root_of(header))
    if rows is None or not (rows.has(_COMPRESSION) or _OLD_COMPRESSION in header):
        return len(content)
    places = [body + place for place, size in rows.structs(_BUFFER, _BUFFERS) if size]
    if any(not 0 <= place <= len(content) - 8 for place in places):
        raise not_whole()
    # before each is its size; -1 is that of one that is not compressed
    sizes = [struct.unpack_from("<q", content, place)[0] for place in places]
    return len(content) + sum(size for size in sizes if size > 0)


def _rows_of(message: FlatTable) -> FlatTable | None:
    """Return what is told of the rows in a message, or of the categories; None if it has none."""
    kind = message.number("<B", _TYPE)
    if kind == _CATEGORIES:
        return message.table(_HEADER).table(_OF_CATEGORIES)
    return message.table(_HEADER) if kind == _ROWS else None
