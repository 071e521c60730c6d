"""Captions in a `metadata.jsonl`, `.csv` or `.parquet`, as Hugging Face's "imagefolder" has them.

The text of `a.png` is read as if it stood in `a.txt`. A file that is really there counts first.
https://huggingface.co/docs/datasets/image_dataset#imagefolder
"""

import errno
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from capenh_pipeline.domain.sidecars import EXTENSION
from capenh_pipeline.places.metadata_rows import FILE_COLUMN, NAMES, metadata_rows
from capenh_pipeline.places.place import Place, name_in
from capenh_pipeline.places.source import Source, source_of
from capenh_pipeline.places.table_rows import TEXT_COLUMNS

_MOST_FILES = 16  # that are remembered


def metadata_of(root: Place, folder: str) -> Iterator[tuple[Source, str]]:
    """Yield the metadata files that may tell of a folder's images, with its path from there.

    Args:
        root: above it none is looked for.
        folder: relative to it; its own files come first.
    """
    parts = folder.split("/") if folder else []
    for depth in range(len(parts), -1, -1):
        for name in NAMES:
            if found := source_of(root / "/".join([*parts[:depth], name])):
                yield found, "".join(f"{part}/" for part in parts[depth:])


class MetadataTexts(NamedTuple):
    """What a metadata file says.

    Attributes:
        by_image: texts by the relative paths of their images.
        broken: of each row that is none, the number of its last line, and why.
    """

    by_image: dict[str, str]
    broken: list[tuple[int, str]]


def text_name(image: str, *, is_alone: bool) -> str:
    """Return the path of the text file in which an image's text is as if it stood.

    Args:
        image: its path.
        is_alone: whether no other image has its name but for the extension.
    """
    return (image.rpartition(".")[0] if is_alone else image) + EXTENSION


def read_metadata_text(
    file: Place, *, is_there: Callable[[Place], bool], most_bytes: int | None = None
) -> bytes | None:
    """Return what a text file would hold that stands in a metadata file; None if none does.

    Args:
        file: its path.
        is_there: tells an image from one that is gone, of the same name but for the extension.
        most_bytes: a longer text is an error.

    Raises:
        OSError: a metadata file cannot be read, or the text is larger than `most_bytes`.
    """
    if not file.name.endswith(EXTENSION):
        return None
    for folder in file.parents:
        for metadata in filter(None, (source_of(folder / name) for name in NAMES)):
            text = _text_in(metadata, name_in(folder, file).removesuffix(EXTENSION), is_there)
            if text is not None:
                return _bounded(text.encode(), most_bytes)
    return None


def _bounded(content: bytes, most_bytes: int | None) -> bytes:
    if most_bytes is not None and len(content) > most_bytes:
        raise OSError(errno.EFBIG, f"it is larger than {most_bytes} bytes")
    return content


def _text_in(metadata: Source, name: str, is_there: Callable[[Place], bool]) -> str | None:
    """Return the text of the image of that name, with its extension or without it."""
    texts, folder = texts_in(metadata).by_image, metadata.place.parent
    images = [image for image in _by_stem(metadata).get(name, []) if is_there(folder / image)]
    return texts[images[0]] if len(images) == 1 else texts.get(name)


@lru_cache(_MOST_FILES)
def _by_stem(metadata: Source) -> dict[str, list[str]]:
    """Return the images that have texts by their names without extensions."""
    found: dict[str, list[str]] = {}
    for image in texts_in(metadata).by_image:
        found.setdefault(image.rpartition(".")[0], []).append(image)
    return found


@lru_cache(_MOST_FILES)
def texts_in(metadata: Source) -> MetadataTexts:
    """Return what a metadata file says.

    Raises:
        OSError: as in `metadata_rows`.
    """
    found = MetadataTexts({}, [])
    for number, row in metadata_rows(metadata):
        if isinstance(row, Exception):
            found.broken.append((number, f"it is not what the file's name says ({row})"))
        elif not isinstance(row, dict) or not isinstance(row.get(FILE_COLUMN), str):
            found.broken.append((number, f"it has no {FILE_COLUMN}"))
        elif (said := _text_of(row)) is not None:
            found.by_image[str(PurePosixPath(row[FILE_COLUMN]))] = _without_halves(said)
    return found


def _without_halves(text: str) -> str:
    """Return text in which halves of characters, which JSON may have, are question marks."""
    return text.encode(errors="replace").decode()


def _text_of(row: dict[str, Any]) -> str | None:
    text = next((row[name] for name in TEXT_COLUMNS if row.get(name) is not None), None)
    return text if isinstance(text, str) else None
