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


def quarters(width, height):
    """Draw an image of four colours: red and blue above, black and white below."""
    image = image_of([RED, BLUE], [(0, 0, 0), WHITE])
    return image.resize((width, height), Image.Resampling.NEAREST)


def corners(image):
    """Return the names of the colours near the corners, row by row."""
    assert image.mode == "RGB"
    names = {(1, 0, 0): "red", (0, 0, 1): "blue", (0, 0, 0): "black", (1, 1, 1): "white"}
    across, down = (
        (image.width // 4, image.width * 3 // 4),
        (image.height // 4, image.height * 3 // 4),
    )
    points = [image.getpixel((x, y)) for y in down for x in across]
    return [names[tuple(round(value / 255) for value in point)] for point in points]


def rows_of(image):
    assert image.mode == "RGB"
    return [[image.getpixel((x, y)) for x in range(image.width)] for y in range(image.height)]


def save(path, image, **options):
    image.save(path, **options)
    return path


def load(path, **options):
    image_hash = hashlib.sha256(path.read_bytes()).hexdigest()
    return load_image(path, image_hash=image_hash, **options)


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


def segment(marker, content):
    """Return a JPEG segment: marker, length, content."""
    return bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content


def tiff(entries, *, following=0, tail=b""):
    """Return a TIFF of one directory: entries of (tag, type, count, value), values in 4 bytes.

    The directory ends, and `tail` begins, at byte 14 + 12 for each entry.
    """
    directory = struct.pack("<H", len(entries))
    for entry in sorted(entries):
        directory += struct.pack("<HHII", *entry)
    return b"II*\0" + struct.pack("<I", 8) + directory + struct.pack("<I", following) + tail


def raw_tiff(width, height, pixels, *, bits=(8,), photometric=1, more=()):
    """Return an uncompressed TIFF of one strip."""
    at = 14 + 12 * (9 + len(more))
    depth = (258, 3, 1, bits[0]) if len(bits) == 1 else (258, 3, len(bits), at)
    depths = b"" if len(bits) == 1 else struct.pack(f"<{len(bits)}H", *bits)
    entries = [
        (256, 4, 1, width),
        (257, 4, 1, height),
        depth,
        (259, 3, 1, 1),  # no compression
        (262, 3, 1, photometric),
        (273, 4, 1, at + len(depths)),
        (277, 3, 1, len(bits)),
        (278, 4, 1, height),
        (279, 4, 1, len(pixels)),
        *more,
    ]
    return tiff(entries, tail=depths + pixels)


def flat_jpeg(stored, *, adobe_transform=None):
    """Return a JPEG of 8 x 8 equal pixels, with these values in its components.

    With a quantizer of 8 the one coefficient of a flat block is its value less 128.
    """
    ids = range(1, len(stored) + 1)
    adobe = b"Adobe" + struct.pack(">HHHB", 100, 0, 0, adobe_transform or 0)
    frame = struct.pack(">BHHB", 8, 8, 8, len(stored))
    frame += b"".join(bytes([one, 0x11, 0]) for one in ids)
    scan = bytes([len(stored)]) + b"".join(bytes([one, 0]) for one in ids) + bytes([0, 63, 0])
    bits = "".join(_flat_block(value - 128) for value in stored)
    bits += "1" * (-len(bits) % 8)
    data = int(bits, 2).to_bytes(len(bits) // 8).replace(b"\xff", b"\xff\0")
    return b"".join(
        [
            b"\xff\xd8",
            b"" if adobe_transform is None else segment(0xEE, adobe),
            segment(0xDB, bytes([0]) + bytes([8] * 64)),
            segment(0xC0, frame),
            segment(0xC4, bytes([0x00, *[0] * 3, 9, *[0] * 12, *range(9)])),  # 9 codes of 4 bits
            segment(0xC4, bytes([0x10, 1, *[0] * 15, 0])),  # "0" ends a block
            segment(0xDA, scan) + data + b"\xff\xd9",
        ]
    )


def _flat_block(difference):
    size = abs(difference).bit_length()
    value = difference if difference > 0 else difference + 2**size - 1
    return f"{size:04b}" + (f"{value:0{size}b}" if size else "") + "0"


# A picture whose quarters are red and blue above, black and white below, turned upright from each
# orientation (CIPA DC-008, 4.6.4.A): its quarters, row by row.
UPRIGHT_QUARTERS = {
    1: ["red", "blue", "black", "white"],
    2: ["blue", "red", "white", "black"],
    3: ["white", "black", "blue", "red"],
    4: ["black", "white", "red", "blue"],
    5: ["red", "black", "blue", "white"],
    6: ["black", "red", "white", "blue"],
    7: ["white", "blue", "black", "red"],
    8: ["blue", "white", "red", "black"],
}
