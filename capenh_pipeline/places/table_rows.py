"""Rows of Parquet and Arrow files that have images in them, group by group. pyarrow does the work.

Images are in a column of structs with the field `bytes`, as in datasets of Hugging Face, or of
bytes.
https://huggingface.co/docs/datasets/about_dataset_features#image-feature
"""

import errno
import threading
from bisect import bisect_right
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

from capenh_pipeline.places.source import Source

PARQUET_ENDING, ARROW_ENDING = ".parquet", ".arrow"

IMAGE_COLUMN = "image"
"""Of several columns of images that of this name counts, or else the first."""

TEXT_COLUMNS = ("text", "caption")
"""Of them, the first that is there."""

MOST_GROUP_BYTES = 1 << 28
"""Of Parquet, a group of rows is read as a whole, and some are held."""

_BYTES = "bytes"  # the field of an image
_MOST_GROUPS = 4  # that are held
_MOST_TABLES = 256  # whose layout is remembered
_AHEAD = 1 << 16
_ROWS_AT_ONCE = 16
_LOCK = threading.Lock()  # a group is decoded once, not by each thread that wants a row of it


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
    with _faults():
        if _is_arrow(table):
            rows = _mapped(table)
            return Layout(*_columns(rows.schema), [len(rows)])
        with _parquet(table) as opened:
            groups = [opened.metadata.row_group(at) for at in range(opened.num_row_groups)]
            ends = [*accumulate(group.num_rows for group in groups)]
            return Layout(*_columns(opened.schema_arrow), ends)


def plain_rows(table: Source, columns: Sequence[str]) -> list[dict[str, Any]]:
    """Return the rows of a Parquet file that has no images, with those columns that are there.

    Raises:
        OSError: it cannot be read, or is none.
    """
    with _faults(), _parquet(table) as opened:
        wanted = [name for name in columns if name in opened.schema_arrow.names]
        return opened.read(columns=wanted).to_pylist()


def contents(rows: Any, column: str, first: int, count: int) -> Any:
    """Return what is in some rows of a column, as a `pyarrow.ChunkedArray` of large bytes.

    Args:
        rows: of `group_rows`.
        column: of them.
        first: row.
        count: of rows; what a view or a dictionary is of is copied for all of them.

    Raises:
        OSError: it is broken.
    """
    import pyarrow

    with _faults():
        found = rows[column].slice(first, count).cast(pyarrow.large_binary())
        found.validate(full=True)  # what is broken may say that it is anywhere in memory
    return found


def group_rows(table: Source, group: int) -> Any:
    """Return the rows of a group as a `pyarrow.Table` of `image` and `text`; see `contents`.

    Raises:
        OSError: as in `layout_of`, or it is too large.
    """
    with _LOCK:
        return _group_rows(table, group)


@lru_cache(_MOST_GROUPS)
def _group_rows(table: Source, group: int) -> Any:
    import pyarrow

    layout = layout_of(table)
    with _faults():
        rows = _mapped(table) if _is_arrow(table) else _decoded(table, layout, group)
        images = rows.column(layout.images)
        images.validate()  # pyarrow ends the process when it takes one apart that is broken
        if pyarrow.types.is_struct(images.type):
            images = images.flatten()[images.type.get_field_index(_BYTES)]
        texts = pyarrow.chunked_array([pyarrow.nulls(len(rows), pyarrow.string())])
        texts = rows.column(layout.texts) if layout.texts else texts
        texts.validate()
        return pyarrow.table({"image": images, "text": texts})


def _is_arrow(table: Source) -> bool:
    return table.place.name.endswith(ARROW_ENDING)


@contextmanager
def _parquet(table: Source) -> Generator[Any]:
    from pyarrow.parquet import ParquetFile

    footer = _footer(table)
    with table.opened(ahead=_AHEAD) as opened, ParquetFile(opened, metadata=footer) as parquet:
        yield parquet


@lru_cache(_MOST_TABLES)
def _footer(table: Source) -> Any:
    from pyarrow.parquet import read_metadata

    with table.opened(ahead=_AHEAD) as opened:
        return read_metadata(opened)


def _decoded(table: Source, layout: Layout, group: int) -> Any:
    """Return the rows of a group of Parquet, which may be far larger than its file says."""
    import pyarrow

    wanted = [name for name in (layout.images, layout.texts) if name]
    with _parquet(table) as opened:
        schema = pyarrow.schema([opened.schema_arrow.field(name) for name in wanted])
        batches, size = [], 0
        for batch in opened.iter_batches(_ROWS_AT_ONCE, row_groups=[group], columns=wanted):
            batches.append(batch)
            size += batch.nbytes
            if size > MOST_GROUP_BYTES:
                raise OSError(
                    errno.EFBIG,
                    f"rows lie in groups of more than {MOST_GROUP_BYTES >> 20} MB; write it with "
                    "row_group_size=100",
                )
        return pyarrow.Table.from_batches(batches, schema)


def _mapped(table: Source) -> Any:
    """Return the rows of an Arrow file, which stay on the disk until they are looked at."""
    from pyarrow import ipc, memory_map

    if not isinstance(table.place, Path):
        raise OSError(errno.ENOTSUP, "Arrow is read on a disk only; write it as Parquet")
    source = memory_map(str(table.place))
    is_file = source.read(6) == b"ARROW1"
    source.seek(0)
    return (ipc.open_file(source) if is_file else ipc.open_stream(source)).read_all()


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


@contextmanager
def _faults() -> Generator[None]:
    """Turn what pyarrow raises into an error of a file.

    Raises:
        OSError: with a reason.
    """
    from pyarrow import ArrowException

    try:
        yield
    except (ArrowException, OSError, UnicodeDecodeError) as error:
        if isinstance(error, OSError) and error.strerror:
            raise
        reason = str(error).partition("\n")[0].rstrip(".")
        raise OSError(errno.EIO, f"it is no whole table ({reason})") from None
