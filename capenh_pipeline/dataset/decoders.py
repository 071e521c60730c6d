"""The decoders that a file may reach, and what they say of a file that they cannot read."""

import re
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from io import BytesIO

from PIL import Image, ImageFile, UnidentifiedImageError

from capenh_pipeline.dataset.extra_decoders import EXTRA_DECODERS, extra_decoder_for
from capenh_pipeline.domain.replies import one_line
from capenh_pipeline.errors import RowError

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "AVIF")
"""What Pillow itself decodes; a file's content decides which it is, not its name."""

MAX_PIXELS = 178_956_970
"""Larger images are taken for decompression bombs (Pillow's own default, too, is to refuse)."""

# By default Pillow warns at half of this and refuses at all of it; this way it is silent up to it.
# Warnings cannot be caught a call at a time when images are read in threads, so what Pillow says
# about odd metadata is dropped, and its doubt about a size raised, for the whole process.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
warnings.filterwarnings("error", category=Image.DecompressionBombWarning)


def open_image(content: bytes) -> ImageFile.ImageFile:
    """Open an image; its pixels are decoded when it is loaded.

    Raises:
        RowError: "missing_package"; whatever else is raised is for `failing_as`.
    """
    extra = extra_decoder_for(content)
    if extra is not None and extra.size is not None:
        _check_size(*extra.size(content))
    formats = FORMATS if extra is None else (*FORMATS, extra.format)
    image = Image.open(BytesIO(content), formats=formats)
    _check_size(*image.size)
    return image


def size_from_header(content: bytes) -> tuple[int, int, str] | None:
    """Return the upright size and the format of an image that opening would decode; else None.

    Raises:
        RowError: as `open_image`.
    """
    extra = extra_decoder_for(content)
    if extra is None or extra.size is None:
        return None
    width, height = extra.size(content)
    _check_size(width, height)
    return width, height, extra.format


@contextmanager
def failing_as(kind: str, what: str) -> Generator[None]:
    """Turn whatever a decoder raises into a `RowError` of this kind, unless its kind is plainer.

    Raises:
        RowError: always, if anything was raised.
    """
    try:
        yield
    except RowError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        message = f"The image has more than {MAX_PIXELS} pixels; make it smaller."
        raise RowError("too_large", message) from None
    except UnidentifiedImageError:
        known = ", ".join([*FORMATS, *(extra.format for extra in EXTRA_DECODERS)])
        message = f"The file is not an image of a known format ({known})."
        raise RowError(kind, message) from None
    except Exception as error:  # noqa: BLE001  # hostile bytes raise anything inside decoders
        raise _row_error(error, kind, what) from None


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise Image.DecompressionBombError(f"{width} x {height}")


def _row_error(error: Exception, kind: str, what: str) -> RowError:
    text = re.sub(r"\s*<[^<>]* at 0x[0-9a-fA-F]+>", "", str(error))
    reason = one_line(text).rstrip(".") or type(error).__name__
    if "truncated" in reason.lower() or isinstance(error, EOFError):
        return RowError("truncated", f"The image is truncated: {reason}.")
    return RowError(kind, f"{what}: {reason}.")
