"""Files that were made to do harm: each name says what is in it."""

import struct
import zlib
from functools import cache
from io import BytesIO
from random import Random

from PIL import Image

from capenh_pipeline_tests.dataset.pictures import chunk, png, segment, tiff

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "AVIF")
SIDE = 60_000
FLIPS = 36
IEND = chunk(b"IEND", b"")
DOT = chunk(b"IDAT", zlib.compress(b"\0\xff\0\0"))
NOT_IMAGES = {
    "svg.jpg": b'<svg xmlns="http://www.w3.org/2000/svg"><rect width="9" height="9"/></svg>',
    "html.jpg": b"<!doctype html><title>404</title>" + b"<p>not found" * 100,
    "pdf.jpg": b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF",
    "zip.jpg": b"PK\x05\x06" + bytes(18),
    "eps.jpg": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n",
    "zeros.jpg": bytes(5000),
}


@cache
def zeros_packed():
    """Return a kilobyte for each megabyte that it unpacks to."""
    return zlib.compress(bytes(200_000_000), 9)


def small_image(image_format):
    """Return the bytes of a picture of 24 x 20 pixels with something in every corner."""
    picture = Image.radial_gradient("L").resize((24, 20))
    image = Image.merge("RGB", [picture, picture.rotate(180), picture.point(lambda v: 255 - v)])
    file = BytesIO()
    image.save(file, image_format, quality=60)
    return file.getvalue()


def damaged(content, *, seed):
    """Yield the bytes cut off at every sixteenth, and with single bits turned over."""
    for sixteenth in range(16):
        yield f"cut_{sixteenth}", content[: len(content) * sixteenth // 16]
    random = Random(seed)  # noqa: S311  # the same on every machine
    for _ in range(FLIPS):
        # half of them in the header, where they do most
        at = random.randrange(min(64, len(content)) if random.random() < 0.5 else len(content))
        bit = 1 << random.randrange(8)
        yield f"flip_{at}_{bit}", content[:at] + bytes([content[at] ^ bit]) + content[at + 1 :]


def grey_tiff(width, height, *more, compression=1, following=0, tail=b""):
    """Return a TIFF of 8 bit grey; `more` entries come behind the necessary ones."""
    entries = [
        (256, 4, 1, width),
        (257, 4, 1, height),
        (258, 3, 1, 8),
        (259, 3, 1, compression),
        (262, 3, 1, 1),
        (277, 3, 1, 1),
        *more,
    ]
    return tiff(entries, following=following, tail=tail)


def pixel_bombs():
    strip = [(273, 4, 1, 8), (278, 4, 1, SIDE), (279, 4, 1, 100)]
    bitmap = struct.pack("<IiiHHIIiiII", 40, SIDE, SIDE, 1, 24, 0, 0, 0, 0, 0, 0)
    yield "pixels.png", png(SIDE, SIDE, DOT, IEND)
    yield "pixels.gif", b"GIF89a" + struct.pack("<HHBBB", SIDE, SIDE, 0, 0, 0) + gif_frame()
    yield "frame_beyond_screen.gif", gif(gif_frame(SIDE, SIDE))
    yield "pixels.tif", grey_tiff(SIDE, SIDE, *strip, compression=8)
    yield "pixels.bmp", b"BM" + struct.pack("<III", 54, 0, 54) + bitmap + bytes(90)
    yield "pixels.jpg", jpeg(SIDE, SIDE, scans=1)
    yield "pixels.webp", with_canvas(small_animation(), SIDE)
    yield "most_pixels.webp", with_canvas(small_animation(), 16_383)


def gif(*frames):
    return b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0x80, 0, 0) + bytes(6) + b"".join(frames) + b";"


def gif_frame(width=1, height=1):
    return b"," + struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\x02\x02\x4c\x01\x00"


def small_animation():
    """Return a WebP of two frames."""
    file = BytesIO()
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    frames[0].save(file, "WEBP", save_all=True, append_images=frames[1:])
    return file.getvalue()


def with_canvas(content, side):
    """Return an animated WebP whose header claims another size."""
    at = content.index(b"VP8X") + 12
    size = (side - 1).to_bytes(3, "little")
    return content[:at] + size + size + content[at + 6 :]


def jpeg(width, height, *, scans, frame=0xC2, before=b"", components=1):
    """Return a JPEG of empty scans: the decoder takes what is missing for zeros."""
    ids = range(1, components + 1)
    sizes = struct.pack(">BHHB", 8, height, width, components)
    frame_header = sizes + b"".join(bytes([one, 0x11, 0]) for one in ids)
    tables = segment(0xDB, bytes([0]) + b"\x01" * 64)
    for kind in (0x00, 0x10):
        tables += segment(0xC4, bytes([kind, 1, *[0] * 15, 0]))
    spectrum = [(0, 0, 0), *[(1, 63, 0)] * (scans - 1)] if frame == 0xC2 else [(0, 63, 0)] * scans
    scan_headers = [bytes([1, 1 + n % components, 0, *range_]) for n, range_ in enumerate(spectrum)]
    body = b"".join(segment(0xDA, scan) + b"\0\0" for scan in scan_headers)
    return b"\xff\xd8" + before + tables + segment(frame, frame_header) + body + b"\xff\xd9"


def text_bombs():
    megabytes = zeros_packed()
    megabyte = zlib.compress(bytes(1_000_000), 9)
    yield "text.png", png(1, 1, chunk(b"zTXt", b"a\0\0" + megabytes), DOT, IEND)
    yield "text_behind.png", png(1, 1, DOT, chunk(b"zTXt", b"a\0\0" + megabytes), IEND)
    yield "text_utf8.png", png(1, 1, chunk(b"iTXt", b"a\0\1\0\0\0" + megabytes), DOT, IEND)
    yield "texts.png", png(1, 1, *[chunk(b"zTXt", b"a\0\0" + megabyte)] * 400, DOT, IEND)
    yield "profile.png", png(1, 1, chunk(b"iCCP", b"a\0\0" + megabytes), DOT, IEND)
    yield "more_pixels.png", png(1, 1, chunk(b"IDAT", megabytes), IEND)
    yield "chunks.png", png(1, 1, *[chunk(b"abCd", b"")] * 50_000, DOT, IEND)
    yield (
        "comments.gif",
        b"GIF89a\1\0\1\0\0\0\0" + b"!\xfe" + b"\1a" * 200_000 + b"\0" + gif_frame(),
    )


def frame_bombs():
    frame = chunk(b"fcTL", struct.pack(">IIIIIHHBB", 0, 1, 1, 0, 0, 1, 1, 0, 0))
    data = chunk(b"fdAT", bytes(4) + zlib.compress(b"\0\xff\0\0"))
    count = chunk(b"acTL", struct.pack(">II", 100_000, 0))
    strip = [(273, 4, 1, 200), (278, 4, 1, 1), (279, 4, 1, 1)]
    directory = 8
    yield "frames.gif", gif(*[gif_frame()] * 100_000)
    yield "frames.png", png(1, 1, count, frame, DOT, *[frame + data] * 50_000, IEND)
    yield "no_frames.png", png(1, 1, count, frame, DOT, IEND)
    yield "loop.tif", grey_tiff(1, 1, *strip, following=directory, tail=bytes(200))
    exif = [*strip, (34665, 4, 1, directory), (330, 4, 1, directory)]
    yield "loop_of_parts.tif", grey_tiff(1, 1, *exif, following=directory, tail=bytes(200))


def tiff_bombs():
    big = 2**17
    strip = [(273, 4, 1, 200), (278, 4, 1, 1), (279, 4, 1, 1)]
    tile = [(322, 4, 1, 30_000), (323, 4, 1, 30_000), (324, 4, 1, 150), (325, 4, 1, 10**6)]
    yield "tile.tif", grey_tiff(1, 1, *tile, compression=8, tail=bytes(12) + zeros_packed())
    same = [(tag, 7, big, 0) for tag in range(40_000, 60_000)]
    yield "same_bytes.tif", grey_tiff(1, 1, *strip, *same, tail=bytes(big))
    offsets = [(273, 4, 10**6, 400), (278, 4, 1, 1), (279, 4, 10**6, 400)]
    yield "strips.tif", grey_tiff(1, 1, *offsets, tail=bytes(4 * 10**6 + 400))
    directory = tiff([(tag, 7, 30_000, 0) for tag in range(2_000)], tail=bytes(30_000))
    parts = [directory[at : at + 65_000] for at in range(0, len(directory), 65_000)]
    exif = b"".join(segment(0xE1, b"Exif\0\0" + part) for part in parts)
    yield "exif.jpg", jpeg(8, 8, scans=1, before=exif)


def scan_bombs():
    yield "scans.jpg", jpeg(4_000, 4_000, scans=20_000)
    yield "baseline_scans.jpg", jpeg(4_000, 4_000, scans=20_000, frame=0xC0, components=3)
    yield "padding.jpg", jpeg(8, 8, scans=1, before=b"\xff" * 500_000)
    yield "lossless.jpg", jpeg(4_000, 3_000, scans=1, frame=0xC3)


def empty_images():
    strip = [(273, 4, 1, 8), (278, 4, 1, 1), (279, 4, 1, 1)]
    for width, height in [(0, 0), (0, 1), (1, 0)]:
        size = f"{width}x{height}"
        yield f"{size}.png", png(width, height, DOT, IEND)
        screen = b"GIF89a" + struct.pack("<HHBBB", width, height, 0, 0, 0)
        yield f"{size}.gif", screen + gif_frame(width, height) + b";"
        yield f"{size}.tif", grey_tiff(width, height, *strip)
        yield f"{size}.bmp", b"BM" + bytes(8) + struct.pack("<IIii", 26, 40, width, height)
        yield f"{size}.jpg", jpeg(width, height, scans=1)


def hostile_files():
    """Yield the name and the bytes of each hostile file."""
    for image_format in FORMATS:
        content = small_image(image_format)
        for name, harmed in damaged(content, seed=image_format):
            yield f"{name}.{image_format.lower()}", harmed
    yield from NOT_IMAGES.items()
    for bombs in (
        pixel_bombs,
        text_bombs,
        frame_bombs,
        tiff_bombs,
        scan_bombs,
        empty_images,
    ):
        yield from bombs()
