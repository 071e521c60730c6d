"""Rows of the metadata files of Hugging Face's "imagefolder".

https://huggingface.co/docs/datasets/image_dataset#imagefolder
"""

import csv
import errno
import io
import json
from collections.abc import Iterator
from typing import Any

from capenh_pipeline.errors import DatasetError
from capenh_pipeline.places.parquet_groups import plain_rows
from capenh_pipeline.places.source import Source
from capenh_pipeline.places.table_rows import PARQUET_ENDING, TEXT_COLUMNS

NAMES = ("metadata.jsonl", "metadata.csv", f"metadata{PARQUET_ENDING}")
FILE_COLUMN = "file_name"


def metadata_rows(metadata: Source) -> Iterator[tuple[int, Any]]:
    """Yield the number of each row, or of its last line, and the row, or what is wrong with it.

    Raises:
        OSError: it is no Parquet, or not UTF-8.
        DatasetError: it cannot be read: captions that people wrote are not to count as gone.
    """
    name = metadata.place.name
    if name.endswith(PARQUET_ENDING):
        yield from enumerate(plain_rows(metadata, [FILE_COLUMN, *TEXT_COLUMNS]), start=1)
        return
    try:
        content = metadata.read(0, metadata.state.size_bytes)
    except OSError as error:
        raise DatasetError(
            f"{metadata.place} cannot be read ({error.strerror}), and with it captions that people "
            "wrote; make it readable, or leave out --metadata_captions."
        ) from None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise OSError(errno.EIO, "it is not UTF-8; save it as UTF-8", str(metadata.place)) from None
    yield from _csv_rows(text) if name.endswith(".csv") else _json_rows(text)


def _json_rows(text: str) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                yield number, json.loads(line)
            except (ValueError, RecursionError) as error:
                yield number, error


def _csv_rows(text: str) -> Iterator[tuple[int, Any]]:
    rows = csv.DictReader(io.StringIO(text, newline=""))
    while True:
        try:
            row: Any = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            row = error
        yield rows.reader.line_num, row
