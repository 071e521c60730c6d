"""Image files: what they are, and their pixels as a model is to see them.

The files come from anywhere, so whatever is wrong with one is a fact about that file.
"""

import re
import warnings
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import cast

from PIL import ExifTags, Image, ImageFile, ImageOps, UnidentifiedImageError

from capenh_pipeline.domain.identity import sha256_hex
from capenh_pipeline.errors import RowError
from capenh_pipeline.files import read_regular_file

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "AVIF")
"""The decoders that a file may reach; its content decides which, not its name."""

MAX_PIXELS = 89_478_485
"""Larger images are taken for decompression bombs (Pillow's own limit: 256 MiB of RGB)."""

_WHITE_POINTS = {"I": (65535.0,), "F": (1.0, 255.0, 65535.0)}
_SIDEWAYS = {5, 6, 7, 8}  # EXIF orientations that swap width and height

# Warnings cannot be caught a call at a time when images are read in threads, so what Pillow says
# about odd metadata is dropped, and its doubt about a size raised, for the whole process.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
warnings.filterwarnings("error", category=Image.DecompressionBombWarning)


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What is known of an image file without decoding it.

    Attributes:
        image_hash: SHA-256 of its bytes, None where they cannot be read.
        size_bytes: how many they are, None where they cannot be read.
        width: of the upright image, in pixels; None, as `height` and `format`, where it failed.
        format: one of `FORMATS`.
        error_kind: None, or "unreadable", "empty", "not_an_image", "truncated" or "too_large".
        error: None, or one sentence.
    """

    image_hash: str | None = None
    size_bytes: int | None = None
    width: int | None = None
    height: int | None = None
    format: str | None = None
    error_kind: str | None = None
    error: str | None = None


def inspect_image(path: Path) -> ImageFacts:
    """Return the facts about an image file; only its header is decoded."""
    try:
        content = _read(path)
    except RowError as error:
        return ImageFacts(error_kind=error.kind, error=str(error))
    image_hash = sha256_hex(content)
    try:
        width, height, image_format = _inspect(content)
    except RowError as error:
        return ImageFacts(image_hash, len(content), error_kind=error.kind, error=str(error))
    return ImageFacts(image_hash, len(content), width, height, image_format)


def load_image(path: Path, *, image_hash: str) -> Image.Image:
    """Return the image as a person sees it, in RGB.

    It is turned upright (EXIF), transparency becomes white, more than 8 bits a channel are
    scaled to 8, and of an animation the first frame is taken.

    Args:
        path: the file, read once: the bytes that are hashed are the bytes that are decoded.
        image_hash: SHA-256 that they must have.

    Raises:
        RowError: "unreadable", "changed" (other bytes than `image_hash`), "too_large",
            "truncated" or "undecodable".
    """
    content = _read(path)
    if sha256_hex(content) != image_hash:
        raise RowError("changed", "The file has changed since it was listed; run again.")
    with _failing_as("undecodable", "The image cannot be decoded"), _open(content) as image:
        image.load()
        with suppress(RowError), _failing_as("exif", "The EXIF data is broken"):
            ImageOps.exif_transpose(image, in_place=True)
        return _to_rgb(image)


def _read(path: Path) -> bytes:
    try:
        return read_regular_file(path)
    except OSError as error:
        raise RowError("unreadable", f"The file cannot be read: {error.strerror}.") from None
    except MemoryError:
        raise RowError("unreadable", "The file does not fit into the memory.") from None


def _inspect(content: bytes) -> tuple[int, int, str]:
    """Return the upright width and height, and the format.

    Raises:
        RowError: "empty", "not_an_image", "truncated" or "too_large".
    """
    if not content:
        raise RowError("empty", "The file is empty.")
    what = "The file cannot be opened as an image"
    with _failing_as("not_an_image", what), _open(content) as image:
        width, height = image.size
        if _is_sideways(image, content):
            width, height = height, width
        return width, height, "JPEG" if image.format == "MPO" else str(image.format)


def _open(content: bytes) -> ImageFile.ImageFile:
    image = Image.open(BytesIO(content), formats=FORMATS)
    if image.width * image.height > MAX_PIXELS:
        raise Image.DecompressionBombError(f"{image.width} x {image.height}")
    return image


def _is_sideways(image: ImageFile.ImageFile, content: bytes) -> bool:
    """Return whether the EXIF orientation swaps the sides that the header gives."""
    if image.format == "TIFF":  # Pillow has swapped them already
        return False
    with suppress(RowError), _failing_as("exif", "The EXIF data is broken"):
        if image.format == "PNG" and b"eXIf" not in content:
            exif = Image.Image.getexif(image)  # PNG's own method decodes all to look for eXIf
        else:
            exif = image.getexif()
        return exif.get(ExifTags.Base.Orientation) in _SIDEWAYS
    return False


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16"):
        image = image.convert("I")
    if image.mode in _WHITE_POINTS:
        return _to_8_bits(image).convert("RGB")
    if not image.has_transparency_data:
        return image.convert("RGB")
    paper = Image.new("RGBA", image.size, "white")
    paper.alpha_composite(image.convert("RGBA"))
    return paper.convert("RGB")


def _to_8_bits(image: Image.Image) -> Image.Image:
    """Scale an image of integers or floats (mode `I` or `F`) to `L`.

    Pillow's own conversion clips at 255. White is 65535 for integers, 1, 255 or 65535 for floats,
    the least that no pixel exceeds; beyond them the brightest pixel.
    """
    _, brightest = cast("tuple[float, float]", image.getextrema())  # of its one band
    white = next((point for point in _WHITE_POINTS[image.mode] if brightest <= point), brightest)
    return image.convert("F").point(lambda value: value * (255 / white) + 0.5).convert("L")


@contextmanager
def _failing_as(kind: str, what: str) -> Generator[None]:
    """Turn whatever Pillow raises into a `RowError` of this kind, unless its kind is plainer.

    Raises:
        RowError: always, if anything was raised.
    """
    try:
        yield
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        message = f"The image has more than {MAX_PIXELS} pixels; make it smaller."
        raise RowError("too_large", message) from None
    except UnidentifiedImageError:
        message = f"The file is not an image of a known format ({', '.join(FORMATS)})."
        raise RowError(kind, message) from None
    except Exception as error:  # noqa: BLE001  # hostile bytes raise anything inside Pillow
        raise _row_error(error, kind, what) from None


def _row_error(error: Exception, kind: str, what: str) -> RowError:
    reason = re.sub(r"\s*<[^<>]* at 0x[0-9a-fA-F]+>", "", str(error)) or type(error).__name__
    if "truncated" in reason.lower() or isinstance(error, EOFError):
        return RowError("truncated", f"The image is truncated: {reason}.")
    return RowError(kind, f"{what}: {reason}.")
