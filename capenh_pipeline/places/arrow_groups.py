"""Groups of rows of Arrow files: found without reading them, and read one by one.

Such a file is a sequence of messages, each with its size before it: the columns, then groups of
rows, and before them what their categories are. Streams and files with a footer are alike in this.
https://arrow.apache.org/docs/format/Columnar.html#serialization-and-interprocess-communication-ipc
"""

import struct
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, BinaryIO, NamedTuple

from capenh_pipeline.places.flat_buffers import FlatTable
from capenh_pipeline.places.source import Source
from capenh_pipeline.places.table_faults import not_whole, require_moderate, table_faults

_MAGIC = b"ARROW1"  # at both ends of a file with a footer
_FIRST = 8  # where messages begin in it
_BEFORE = struct.Struct("<Ii")
_CONTINUES = 0xFFFFFFFF
_COLUMNS, _CATEGORIES, _ROWS = 1, 2, 3  # types of a message
_TYPE, _HEADER, _BODY_BYTES = 1, 2, 3  # fields of a message
_COUNT, _BUFFERS, _COMPRESSION = 0, 2, 3  # fields of a group
_OF_CATEGORIES = 1  # field of categories: they are as a group
_MOST_FILES = 256  # whose messages are remembered
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


@lru_cache(_MOST_FILES)
def _messages_of(table: Source) -> Sequence[_Message]:
    with table.opened(ahead=_AHEAD) as opened:
        return [*_messages(opened, table.state.size_bytes)]


def arrow_layout(table: Source) -> tuple[Any, list[int]]:
    """Return the `pyarrow.Schema` of an Arrow file, and how many rows are in each group.

    Raises:
        OSError: it cannot be read, or is none, or not whole.
    """
    from pyarrow.ipc import open_stream

    with table_faults():
        columns = _content(table, _messages_of(table)[0])
        return open_stream(columns).schema, [group.rows for group in _groups(table)]


def arrow_group(table: Source, group: int) -> Any:
    """Return a group as a `pyarrow.Table`.

    Raises:
        OSError: as in `arrow_layout`, or the group is too large.
    """
    from pyarrow.ipc import open_stream

    found = _groups(table)[group]
    others = [one for one in _messages_of(table) if one.kind != _ROWS and one.start < found.start]
    needed = [*others, found]
    require_moderate(sum(one.end - one.start for one in needed))
    with table_faults():
        contents = [_content(table, one) for one in needed]
        require_moderate(sum(map(_decoded_bytes, contents)))
        rows = open_stream(b"".join(contents)).read_all()
    if len(rows) != found.rows:
        raise not_whole()
    return rows


def _groups(table: Source) -> list[_Message]:
    return [message for message in _messages_of(table) if message.kind == _ROWS]


def _content(table: Source, message: _Message) -> bytes:
    return table.read(message.start, message.end - message.start)


def _messages(opened: BinaryIO, size: int) -> Iterator[_Message]:
    start = 0
    if opened.read(len(_MAGIC)) == _MAGIC:
        opened.seek(max(size - len(_MAGIC), 0))
        if opened.read() != _MAGIC:
            raise not_whole()
        start = _FIRST
    first = start
    while message := _message(opened, start, size):
        if (message.kind == _COLUMNS) != (start == first):
            raise not_whole()
        yield message
        start = message.end
    if start == first:
        raise not_whole()


def _message(opened: BinaryIO, start: int, size: int) -> _Message | None:
    """Return the message at a place of a file; None if that is the end."""
    opened.seek(start)
    before = opened.read(_BEFORE.size)
    if not before:
        return None
    told = _told(before)
    body = start + _BEFORE.size + told
    if body > size:
        raise not_whole()
    if not told:
        return None
    message = FlatTable.root_of(opened.read(told))
    end = body + message.number("<q", _BODY_BYTES)
    if not body <= end <= size:
        raise not_whole()
    kind, rows = message.number("<B", _TYPE), _rows_of(message)
    count = rows.number("<q", _COUNT) if rows else 0
    if count < 0:
        raise not_whole()
    return _Message(kind, start, end, count)


def _told(before: bytes) -> int:
    """Return how many bytes a message tells of itself."""
    if len(before) < _BEFORE.size:
        raise not_whole()
    continues, told = _BEFORE.unpack_from(before)
    if continues != _CONTINUES or told < 0:
        raise not_whole()
    return int(told)


def _decoded_bytes(content: bytes) -> int:
    """Return the memory that a message takes when nothing in it is compressed any more."""
    body = _BEFORE.size + _told(content)
    rows = _rows_of(FlatTable.root_of(content[_BEFORE.size : body]))
    if rows is None or not rows.has(_COMPRESSION):
        return len(content)
    places = [body + place for place, size in rows.pairs(_BUFFERS) if size]
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
