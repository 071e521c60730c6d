"""Which way up an image is, as its EXIF data or its container says."""

import struct
from contextlib import suppress

from PIL import ExifTags, Image

from capenh_pipeline.dataset.decoders import failing_as
from capenh_pipeline.errors import RowError

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def orientation_of(image: Image.Image, content: bytes) -> int:
    """Return the EXIF orientation, 1 to 8, that is still to be applied to an opened image.

    It is 1 where there is none or the EXIF data is broken, and for formats that turn the image
    themselves: TIFF in Pillow, HEIF and JPEG XL, whose specifications say to ignore EXIF's.
    """
    if image.format in {"TIFF", "HEIF"} or (image.format == "JXL" and not _is_jpeg(image)):
        return 1
    with suppress(RowError), failing_as("exif", "The EXIF data is broken"):
        orientation = _exif(image, content).get(ExifTags.Base.Orientation)
        return orientation if orientation in _TURNS else 1
    return 1


def is_sideways(orientation: int) -> bool:
    """Return whether turning the image upright swaps its width and height."""
    return orientation > 4


def turned_upright(image: Image.Image, orientation: int) -> Image.Image:
    """Return the image upright; one that is so already is returned itself."""
    turn = _TURNS.get(orientation)
    return image if turn is None else image.transpose(turn)


def _is_jpeg(image: Image.Image) -> bool:
    """Return whether a JPEG XL image was given back as the JPEG that it was made from."""
    return bool(getattr(image, "jpeg", False))


def _exif(image: Image.Image, content: bytes) -> Image.Exif:
    if image.format != "PNG":
        return image.getexif()
    exif = Image.Image.getexif(image)  # PNG's own method decodes all to look behind the pixels
    data = _png_exif(content)
    if data is not None:
        exif.load(data)
    return exif


def _png_exif(content: bytes) -> bytes | None:
    """Return the eXIf chunk of a PNG file, which may stand before or behind the pixels."""
    position = len(b"\x89PNG\r\n\x1a\n")
    while position + 8 <= len(content):
        length, kind = struct.unpack_from(">I4s", content, position)
        if kind == b"eXIf":
            return content[position + 8 : position + 8 + length]
        position += 12 + length  # length, type and checksum take 12 bytes
    return None
