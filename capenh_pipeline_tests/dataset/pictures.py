"""Images for the tests of this folder: drawn pixel by pixel, or written byte by byte."""

import hashlib
import struct
import zlib

import pytest
from PIL import Image

from capenh_pipeline.dataset.images import load_image
from capenh_pipeline.errors import RowError

ORIENTATION = 0x0112  # EXIF tag
A, B, C, D, E, F = (10, 20, 30), (60, 50, 40), (70, 80, 90), (120, 110, 100), (0, 0, 0), (255,) * 3
RED, BLUE, WHITE = (255, 0, 0), (0, 0, 255), (255, 255, 255)


def image_of(*rows, mode="RGB"):
    """Draw an image from rows of pixels."""
    image = Image.new(mode, (len(rows[0]), len(rows)))
    for y, row in enumerate(rows):
        for x, pixel in enumerate(row):
            image.putpixel((x, y), pixel)
    return image


def rows_of(image):
    assert image.mode == "RGB"
    return [[image.getpixel((x, y)) for x in range(image.width)] for y in range(image.height)]


def save(path, image, **options):
    image.save(path, **options)
    return path


def load(path):
    return load_image(path, image_hash=hashlib.sha256(path.read_bytes()).hexdigest())


def failure_of(path):
    with pytest.raises(RowError) as failure:
        load(path)
    return failure.value


def exif(orientation):
    data = Image.Exif()
    data[ORIENTATION] = orientation
    return data


def chunk(kind, content):
    """Return a PNG chunk: length, type, content, checksum."""
    return (
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
    )


def png(width, height, *chunks, depth=8, colour=2):
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(chunks)
