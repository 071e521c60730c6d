"""Rows in a file that may be lost: what they say can be found out again."""

import hashlib
import io
from collections.abc import Mapping

import polars as pl

from capenh_pipeline.places.place import Place, make_place, write_file

_DIGEST_BYTES = hashlib.sha256().digest_size


def keep_rows(path: Place, rows: pl.DataFrame) -> None:
    """Replace the file at `path` with these rows, as Parquet behind its SHA-256.

    Raises:
        OSError: it cannot be written.
    """
    content = io.BytesIO()
    rows.write_parquet(content, compression="zstd")
    written = content.getvalue()
    make_place(path.parent)
    write_file(path, hashlib.sha256(written).digest() + written)


def kept_rows(
    path: Place, schema: Mapping[str, pl.DataType | type[pl.DataType]] | None = None
) -> pl.DataFrame | None:
    """Return the rows of a file of `keep_rows`.

    None if it is missing or is not as it was written; nor if it has other columns than `schema`.
    """
    try:
        content = path.read_bytes()
    except OSError:
        return None
    digest, written = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
    if hashlib.sha256(written).digest() != digest:  # polars may abort on damaged Parquet
        return None
    rows = pl.read_parquet(written)
    return rows if schema is None or dict(rows.schema) == dict(schema) else None
