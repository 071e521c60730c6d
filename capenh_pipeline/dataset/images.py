"""Image files: what they are, and their pixels as a model is to see them.

The files come from anywhere, so whatever is wrong with one is a fact about that file.
"""

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from PIL import Image, ImageColor
from PIL.TiffImagePlugin import TiffImageFile

from capenh_pipeline.dataset.decoders import failing_as, open_image, size_from_header
from capenh_pipeline.dataset.jpeg_scans import check_scans, decode_reduced
from capenh_pipeline.dataset.orientation import is_sideways, orientation_of, turned_upright
from capenh_pipeline.dataset.pixels import to_rgb
from capenh_pipeline.dataset.tiff_tiles import check_tiles
from capenh_pipeline.dataset.time_limit import within
from capenh_pipeline.domain.identity import sha256_hex
from capenh_pipeline.errors import RowError
from capenh_pipeline.places.place import Place
from capenh_pipeline.places.reading import read_file

MAX_FILE_BYTES = 1_500_000_000
"""Larger files are not read: the largest image in 16 bits of RGBA takes 1.43 GB."""

HEADER_TIMEOUT_S = 60.0
"""Reading a header takes a millisecond; what takes this long was made to."""

_JPEG = {"JPEG", "MPO"}  # MPO: several JPEGs in one file, as some cameras write


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What is known of an image file without decoding it.

    Attributes:
        image_hash: SHA-256 of its bytes, None where they cannot be read.
        size_bytes: how many they are, None where they cannot be read.
        width: of the upright image, in pixels; None, as `height` and `format`, where it failed.
        format: one of `FORMATS`, "HEIF" or "JXL".
        error_kind: None, or "unreadable", "empty", "not_an_image", "truncated", "too_large",
            "missing_package" or "timeout".
        error: None, or one sentence.
    """

    image_hash: str | None = None
    size_bytes: int | None = None
    width: int | None = None
    height: int | None = None
    format: str | None = None
    error_kind: str | None = None
    error: str | None = None


def inspect_image(path: Place, *, timeout_s: float = HEADER_TIMEOUT_S) -> ImageFacts:
    """Return the facts about an image file; only its header is decoded.

    Args:
        path: the file.
        timeout_s: seconds that its header may take.

    Raises:
        DatasetError: object storage does not answer.
    """
    try:
        content = _read(path)
    except RowError as error:
        return ImageFacts(error_kind=error.kind, error=str(error))
    image_hash = sha256_hex(content)
    try:
        width, height, image_format = within(timeout_s, partial(_inspect, content))
    except RowError as error:
        return ImageFacts(image_hash, len(content), error_kind=error.kind, error=str(error))
    return ImageFacts(image_hash, len(content), width, height, image_format)


def fetched(path: Place) -> Place | bytes:
    """Return the path of a file, which is read when it is needed, or the content of anything else.

    A limit to the time that hostile bytes may take is not one to that of object storage. And what
    is in a file with many others is read by one process, which has that file at hand.

    Raises:
        RowError: as `load_image`.
        DatasetError: object storage does not answer.
    """
    return path if isinstance(path, Path) and os.access(path, os.F_OK) else _read(path)


def load_image(
    path: Place | bytes,
    *,
    image_hash: str,
    background: str = "white",
    enough_px: tuple[int, int] | None = None,
) -> Image.Image:
    """Return the image as a person sees it, in RGB.

    It is turned upright (EXIF), converted from its colour profile to sRGB, more than 8 bits a
    channel are scaled to 8, and of an animation the first frame is taken.

    Args:
        path: the file, read once: the bytes that are hashed are the bytes that are decoded. Or
            its content.
        image_hash: SHA-256 that they must have.
        background: colour that shows through transparency; a name that Pillow knows or #rrggbb.
        enough_px: width and height that the caller resizes to at the most; a JPEG of four times
            as much or more is decoded at a reduced size, at least twice this. None: never.

    Raises:
        RowError: "unreadable", "changed" (other bytes than `image_hash`), "too_large",
            "truncated", "missing_package" or "undecodable".
        ValueError: `background` is no colour.
        DatasetError: object storage does not answer.
    """
    ImageColor.getrgb(background)
    decode = partial(_decode, background=background, enough_px=enough_px)
    found = _load(path, image_hash, decode)
    if isinstance(found, RowError):
        raise found
    return found


def decoded_bytes(width: int, height: int, image_format: str | None = None) -> int:
    """Return how much memory loading an image takes at most, in bytes.

    Measured were 12.4 bytes a pixel for JPEG (progressive CMYK) and 23 for other formats (WebP
    with transparency, turned); 4 of them are left afterwards. The bytes of the file come on top,
    up to three times.

    Args:
        width: in pixels, as `height`.
        height: of the image as it is stored or as it is upright.
        image_format: as in `ImageFacts`, or None where it is not known.
    """
    return width * height * (14 if image_format == "JPEG" else 24)


def _read(path: Place | bytes) -> bytes:
    if isinstance(path, bytes):
        return path
    try:
        return read_file(path, most_bytes=MAX_FILE_BYTES)
    except OSError as error:
        kind = "too_large" if error.errno == errno.EFBIG else "unreadable"
        raise RowError(kind, f"The file cannot be read: {error.strerror}.") from None
    except MemoryError:
        raise RowError("unreadable", "The file does not fit into the memory.") from None


def _inspect(content: bytes) -> tuple[int, int, str]:
    """Return the upright width and height, and the format."""
    if not content:
        raise RowError("empty", "The file is empty.")
    with failing_as("not_an_image", "The file cannot be opened as an image"):
        facts = size_from_header(content)
        if facts is not None:
            return facts
        with open_image(content) as image:
            width, height = image.size
            if is_sideways(orientation_of(image, content)):
                width, height = height, width
            return width, height, "JPEG" if image.format in _JPEG else str(image.format)


def _load(
    path: Place | bytes, image_hash: str, decode: Callable[[bytes], Image.Image]
) -> Image.Image | RowError:
    """Return the image, or why there is none.

    A fresh error: one that was raised holds the file's bytes, through the frames of its traceback
    and of its cause, for as long as somebody keeps it.
    """
    try:
        return decode(_read_unchanged(path, image_hash))
    except RowError as error:
        return RowError(error.kind, str(error))


def _read_unchanged(path: Place | bytes, image_hash: str) -> bytes:
    content = _read(path)
    if sha256_hex(content) != image_hash:
        raise RowError("changed", "The file has changed since it was listed; run again.")
    return content


def _decode(content: bytes, *, background: str, enough_px: tuple[int, int] | None) -> Image.Image:
    with failing_as("undecodable", "The image cannot be decoded"):
        return to_rgb(_upright(content, enough_px), background=background)


def _upright(content: bytes, enough_px: tuple[int, int] | None) -> Image.Image:
    """Return the decoded image, upright; what its decoder took is free again."""
    with open_image(content) as image:
        orientation = orientation_of(image, content)
        if isinstance(image, TiffImageFile):
            check_tiles(image)
        if image.format in _JPEG:
            check_scans(content)
            if enough_px is not None:
                stored_px = enough_px[::-1] if is_sideways(orientation) else enough_px
                decode_reduced(image, content, enough_px=stored_px)
        image.load()
        upright = turned_upright(image, orientation)
        # all but JPEG's hold the file, or canvases of the same size, while they live
        return image.copy() if upright is image and image.format != "JPEG" else upright
