"""Parquet and Arrow files of images for tests, as `datasets` of Hugging Face writes them."""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import pyarrow
from pyarrow import ipc, parquet

Row = tuple[bytes | None, str | None]


def table_of(rows: Sequence[Row], *, text: str = "text") -> pyarrow.Table:
    """Return rows of an image and a text, with a column that has nothing to do with them."""
    image = pyarrow.struct({"bytes": pyarrow.binary(), "path": pyarrow.string()})
    images = [None if content is None else {"bytes": content, "path": None} for content, _ in rows]
    return pyarrow.table(
        {
            "label": list(range(len(rows))),
            "image": pyarrow.array(images, image),
            text: pyarrow.array([said for _, said in rows], pyarrow.string()),
        }
    )


def parquet_of(rows: Sequence[Row], *, text: str = "text") -> bytes:
    """Return a Parquet file in groups of two rows."""
    made = BytesIO()
    parquet.write_table(table_of(rows, text=text), made, row_group_size=2)
    return made.getvalue()


def arrow_of(rows: Sequence[Row], *, text: str = "text", compression: str | None = None) -> bytes:
    """Return an Arrow stream in groups of two rows."""
    made, table = BytesIO(), table_of(rows, text=text)
    options = ipc.IpcWriteOptions(compression=compression)
    with ipc.new_stream(made, table.schema, options=options) as stream:
        stream.write_table(table, max_chunksize=2)
    return made.getvalue()


def write_table(path: Path, rows: Sequence[Row], *, text: str = "text") -> Path:
    """Write a table in groups of two rows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content_of = parquet_of if path.suffix == ".parquet" else arrow_of
    path.write_bytes(content_of(rows, text=text))
    return path
