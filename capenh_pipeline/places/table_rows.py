"""Rows of Parquet and Arrow files that have images in them, group by group. pyarrow does the work.

Images are in a column of structs with the field `bytes`, as in datasets of Hugging Face, or of
bytes.
https://huggingface.co/docs/datasets/about_dataset_features#image-feature
"""

import errno
import threading
from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate
from typing import Any, NamedTuple

from capenh_pipeline.places.arrow_groups import arrow_group, arrow_layout, read_bytes
from capenh_pipeline.places.parquet_groups import parquet_group, parquet_layout
from capenh_pipeline.places.source import Source
from capenh_pipeline.places.table_faults import MOST_GROUP_BYTES, require_moderate, table_faults

PARQUET_ENDING, ARROW_ENDING = ".parquet", ".arrow"

IMAGE_COLUMN = "image"
"""Of several columns of images that of this name counts, or else the first."""

TEXT_COLUMNS = ("text", "caption")
"""Of them, the first that is there."""

_BYTES = "bytes"  # the field of an image
_MOST_GROUPS = 4  # that are held
_MOST_HELD_BYTES = 2 * MOST_GROUP_BYTES  # of them: who reads in order needs two for a moment
_MOST_TABLES = 256  # whose layout is remembered
_LOCK = threading.Lock()  # a group is decoded once, not by each thread that wants a row of it
_held: dict[tuple[Source, int], tuple[Any, int]] = {}
"""The rows of groups and what they keep of memory, those last that were asked for last."""


class Layout(NamedTuple):
    """Where the rows of a table are.

    Attributes:
        images: the column of images.
        texts: that of texts, if there is one.
        ends: of each group, how many rows there are up to its end.
    """

    images: str
    texts: str | None
    ends: Sequence[int]

    def group_of(self, row: int) -> tuple[int, int] | None:
        """Return the group that a row is in, and the row's place in it; None beyond the last."""
        group = bisect_right(self.ends, row)
        if group == len(self.ends):
            return None
        return group, row - (self.ends[group - 1] if group else 0)


@lru_cache(_MOST_TABLES)
def layout_of(table: Source) -> Layout:
    """Return where the rows of a table are.

    Raises:
        OSError: it cannot be read, is none, or has no column of images.
    """
    with table_faults():
        schema, rows = (arrow_layout if _is_arrow(table) else parquet_layout)(table)
        return Layout(*_columns(schema), [*accumulate(rows)])


def contents(rows: Any, column: str, first: int, count: int) -> Any:
    """Return what is in some rows of a column, as a `pyarrow.ChunkedArray` of large bytes.

    Args:
        rows: of `group_rows`.
        column: of them.
        first: row.
        count: of rows; what a view or a dictionary is of is copied for all of them.

    Raises:
        OSError: it is broken, or too large.
    """
    import pyarrow

    with table_faults():
        found = rows[column].slice(first, count)
        require_moderate(sum(map(_copied_bytes, found.chunks)))
        found = found.cast(pyarrow.large_binary())
        found.validate(full=True)  # what is broken may say that it is anywhere in memory
    return found


def _copied_bytes(rows: Any) -> int:
    """Return how much is copied of views or a dictionary: rows may have the same bytes each."""
    from pyarrow import types
    from pyarrow.compute import call_function

    if types.is_dictionary(rows.type):
        sizes = call_function("binary_length", [rows.dictionary]).take(rows.indices)
        return sum(sizes.drop_null().to_pylist())
    if types.is_binary_view(rows.type):  # four numbers each, of which the first is the size
        views = memoryview(rows.buffers()[1])[16 * rows.offset : 16 * (rows.offset + len(rows))]
        return sum(views.cast("i")[::4])
    return 0


def group_rows(table: Source, group: int) -> Any:
    """Return the rows of a group as a `pyarrow.Table` of `image` and `text`; see `contents`.

    Raises:
        OSError: as in `layout_of`, or it is too large.
    """
    with _LOCK:
        held = _held.pop((table, group), None)
        if held is None:
            rows = _group_rows(table, group)
            held = rows, _kept_bytes(table, group, rows)
            _make_room(held[1])
        _held[table, group] = held
        return held[0]


def _kept_bytes(table: Source, group: int, rows: Any) -> int:
    """Return how much memory rows keep; those of Arrow keep the other columns, too."""
    return max(rows.nbytes, read_bytes(table, group)) if _is_arrow(table) else rows.nbytes


def _make_room(count: int) -> None:
    """Forget groups until one of so many bytes may be held too."""
    while len(_held) == _MOST_GROUPS or (_held and _held_bytes() + count > _MOST_HELD_BYTES):
        del _held[next(iter(_held))]


def _held_bytes() -> int:
    return sum(kept for _, kept in _held.values())


def _group_rows(table: Source, group: int) -> Any:
    import pyarrow

    images, texts, _ = layout_of(table)
    with table_faults():
        rows = _read(table, group, [name for name in (images, texts) if name])
        found = _whole(rows.column(images))
        if pyarrow.types.is_struct(found.type):
            found = _whole(found.flatten()[found.type.get_field_index(_BYTES)])
        said = pyarrow.chunked_array([pyarrow.nulls(len(rows), pyarrow.string())])
        said = rows.column(texts) if texts else said
        return pyarrow.table({"image": found, "text": _whole(said)})


def _whole(column: Any) -> Any:
    """Return a column that pyarrow can take apart: one that is broken ends the process."""
    from pyarrow import binary_view, types

    column.validate()
    if types.is_string_view(column.type):  # a text that is not UTF-8 is a matter of its row
        column = column.cast(binary_view())
    if types.is_dictionary(column.type):
        column.validate(full=True)  # others but these are looked at in `contents`
    if types.is_binary_view(column.type):
        for chunk in column.chunks:
            _without_nulls(chunk).validate(full=True)
    return column


def _without_nulls(views: Any) -> Any:
    """Return views with what lies where nulls are: a cast goes by that too."""
    from pyarrow import Array

    _, *others = views.buffers()
    return Array.from_buffers(views.type, len(views), [None, *others], offset=views.offset)


def _read(table: Source, group: int, columns: Sequence[str]) -> Any:
    if _is_arrow(table):
        return arrow_group(table, group)
    return parquet_group(table, group, columns)


def _is_arrow(table: Source) -> bool:
    return table.place.name.endswith(ARROW_ENDING)


def _columns(schema: Any) -> tuple[str, str | None]:
    structs = [field.name for field in schema if _has_bytes(field.type)]
    found = structs + [field.name for field in schema if _is_bytes(field.type)]
    if not found:
        raise OSError(errno.ENODATA, "it has no column of images")
    texts = {field.name for field in schema if _is_text(field.type)}
    image = IMAGE_COLUMN if IMAGE_COLUMN in found else found[0]
    text = next((name for name in TEXT_COLUMNS if name in texts), None)
    for name in (image, text):
        if schema.names.count(name) > 1:
            raise OSError(errno.ENODATA, f"it has several columns of the name {name}")
    return image, text


def _has_bytes(kind: Any) -> bool:
    from pyarrow import types

    if not types.is_struct(kind):
        return False
    place = kind.get_field_index(_BYTES)
    return place >= 0 and _is_bytes(kind.field(place).type)


def _is_bytes(kind: Any) -> bool:
    from pyarrow import types

    ways = types.is_binary, types.is_large_binary, types.is_binary_view
    return any(is_it(_of_values(kind)) for is_it in ways)


def _is_text(kind: Any) -> bool:
    from pyarrow import types

    ways = types.is_string, types.is_large_string, types.is_string_view
    return any(is_it(_of_values(kind)) for is_it in ways)


def _of_values(kind: Any) -> Any:
    """Return the type of what a column holds; that of categories is another one than its own."""
    from pyarrow import types

    return kind.value_type if types.is_dictionary(kind) else kind
