import math
import struct
import zlib

import pytest
from PIL import Image

from capenh_pipeline_tests.dataset.pictures import (
    BLUE,
    RED,
    WHITE,
    chunk,
    failure_of,
    flat_jpeg,
    image_of,
    load,
    png,
    raw_tiff,
    rows_of,
    save,
)

IEND = chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("mode", "pixels", "expected"),
    [
        ("RGBA", [(255, 0, 0, 255), (255, 0, 0, 0)], [RED, WHITE]),
        ("RGBA", [(255, 0, 0, 128), (0, 0, 0, 51)], [(255, 127, 127), (204, 204, 204)]),
        ("LA", [(0, 128), (100, 255)], [(127, 127, 127), (100, 100, 100)]),
        ("L", [0, 200], [(0, 0, 0), (200, 200, 200)]),
        ("1", [0, 255], [(0, 0, 0), WHITE]),
    ],
)
def test_transparency_becomes_white(tmp_path, mode, pixels, expected):
    path = save(tmp_path / "a.png", image_of(pixels, mode=mode))

    assert rows_of(load(path)) == [expected]


@pytest.mark.parametrize("transparency", [0, b"\x00\xff"])
def test_the_transparent_colour_of_a_palette_becomes_white(tmp_path, transparency):
    image = image_of([0, 1], mode="P")
    image.putpalette([*RED, *BLUE])
    path = save(tmp_path / "a.png", image, transparency=transparency)

    assert rows_of(load(path)) == [[WHITE, BLUE]]


def test_the_transparent_colour_of_an_rgb_image_becomes_white(tmp_path):
    path = save(tmp_path / "a.png", image_of([RED, BLUE]), transparency=RED)

    assert rows_of(load(path)) == [[WHITE, BLUE]]


# 65535 / 255 = 257, so 32896 = 128 * 257 is the middle grey 128, and 32700 / 257 = 127.2.
GREYS_16 = [0, 257, 32700, 32896, 65535]
GREYS_8 = [(value,) * 3 for value in (0, 1, 127, 128, 255)]


@pytest.mark.parametrize("image_format", ["PNG", "TIFF"])
def test_sixteen_bits_of_grey_are_scaled_to_eight(tmp_path, image_format):
    image = Image.frombytes("I;16", (5, 1), struct.pack("<5H", *GREYS_16))
    path = save(tmp_path / "a", image, format=image_format)

    assert rows_of(load(path)) == [GREYS_8]


def test_sixteen_bits_in_the_other_byte_order_are_the_same(tmp_path):
    image = Image.frombytes("I;16B", (5, 1), struct.pack(">5H", *GREYS_16))
    path = save(tmp_path / "a.tif", image)

    assert rows_of(load(path)) == [GREYS_8]


def test_a_dark_image_of_sixteen_bits_stays_dark(tmp_path):
    image = Image.frombytes("I;16", (2, 1), struct.pack("<2H", 0, 514))
    path = save(tmp_path / "a.png", image)

    assert rows_of(load(path)) == [[(0, 0, 0), (2, 2, 2)]]


def test_sixteen_bits_of_grey_with_a_transparent_level_can_be_loaded(tmp_path):
    pixels = chunk(b"IDAT", zlib.compress(b"\0" + struct.pack(">2H", 0, 32896)))
    content = png(
        2, 1, chunk(b"tRNS", b"\xff\xff"), pixels, chunk(b"IEND", b""), depth=16, colour=0
    )
    path = tmp_path / "a.png"
    path.write_bytes(content)

    assert rows_of(load(path)) == [[(0, 0, 0), (128, 128, 128)]]


@pytest.mark.parametrize(
    ("mode", "pixels", "greys"),
    [
        ("I", [0, 32896, 65535], [0, 128, 255]),
        ("I", [0, 65536, 131072], [0, 128, 255]),
        ("F", [0.0, 0.5, 1.0], [0, 128, 255]),
        ("F", [0.0, 127.0, 255.0], [0, 127, 255]),
        ("F", [-5.0, 32896.0, 65535.0], [0, 128, 255]),
        ("F", [0.0, 0.0, 0.0], [0, 0, 0]),
    ],
)
def test_integers_and_floats_are_scaled_to_eight_bits(tmp_path, mode, pixels, greys):
    path = save(tmp_path / "a.tif", image_of(pixels, mode=mode))

    assert rows_of(load(path)) == [[(grey,) * 3 for grey in greys]]


def test_what_is_no_number_is_black(tmp_path):
    pixels = [math.nan, -math.inf, 0.5, 1.0]
    path = save(tmp_path / "a.tif", image_of(pixels, mode="F"))

    assert rows_of(load(path)) == [[(0, 0, 0), (0, 0, 0), (128, 128, 128), WHITE]]


def test_an_image_of_infinite_brightness_is_a_failure(tmp_path):
    path = save(tmp_path / "a.tif", image_of([0.5, math.inf], mode="F"))

    error = failure_of(path)

    assert error.kind == "undecodable"
    assert str(error) == "The image cannot be decoded: it holds infinite values."


# 128.5 * 257 = 33024.5: half way between two levels. Pillow keeps the higher byte, 33023 >> 8.
COLOURS_16 = [(0, 32896, 65535), (257, 514, 33023)]
COLOURS_8 = [(0, 128, 255), (1, 2, 128)]


def test_sixteen_bits_of_colour_in_a_png_are_scaled_to_eight(tmp_path):
    path = tmp_path / "a.png"
    values = [value for colour in COLOURS_16 for value in colour]
    pixels = chunk(b"IDAT", zlib.compress(b"\0" + struct.pack(">6H", *values)))
    path.write_bytes(png(2, 1, pixels, IEND, depth=16, colour=2))

    assert rows_of(load(path)) == [COLOURS_8]


def test_sixteen_bits_of_colour_in_a_tiff_are_scaled_to_eight(tmp_path):
    path = tmp_path / "a.tif"
    values = [value for colour in COLOURS_16 for value in colour]
    pixels = struct.pack("<6H", *values)
    path.write_bytes(raw_tiff(2, 1, pixels, bits=(16, 16, 16), photometric=2))

    assert rows_of(load(path)) == [COLOURS_8]


def test_sixteen_bits_with_transparency_are_scaled_to_eight(tmp_path):
    path = tmp_path / "a.png"
    grey_half = struct.pack(">HH", 0, 32896)  # black at 128 / 255 over white: 127
    pixels = chunk(b"IDAT", zlib.compress(b"\0" + grey_half))
    path.write_bytes(png(1, 1, pixels, IEND, depth=16, colour=4))

    assert rows_of(load(path)) == [[(127, 127, 127)]]


@pytest.mark.parametrize(("photometric", "first"), [(0, WHITE), (1, (0, 0, 0))])
def test_one_bit_is_black_or_white_as_the_file_says(tmp_path, photometric, first):
    path = tmp_path / "a.tif"
    path.write_bytes(raw_tiff(2, 1, b"\x40", bits=(1,), photometric=photometric))

    [[left, right]] = rows_of(load(path))

    assert (left, {left, right}) == (first, {WHITE, (0, 0, 0)})


def test_print_colours_become_screen_colours(tmp_path):
    image = image_of([(0, 0, 0, 0), (0, 255, 255, 0), (0, 0, 0, 255)], mode="CMYK")
    path = save(tmp_path / "a.tif", image)

    assert rows_of(load(path)) == [[WHITE, RED, (0, 0, 0)]]


# Adobe, and whoever follows it, stores 255 less the ink.
@pytest.mark.parametrize("adobe_transform", [0, None])
@pytest.mark.parametrize(
    ("stored", "seen"),
    [
        ((255, 255, 255, 255), WHITE),
        ((255, 0, 0, 255), RED),  # magenta and yellow ink
        ((255, 255, 255, 0), (0, 0, 0)),
        ((155, 255, 255, 255), (155, 255, 255)),
    ],
)
def test_a_jpeg_of_inks_is_stored_inverted(tmp_path, stored, seen, adobe_transform):
    path = tmp_path / "a.jpg"
    path.write_bytes(flat_jpeg(stored, adobe_transform=adobe_transform))

    assert rows_of(load(path)) == [[seen] * 8] * 8


# Red is Y = 0.299 * 255 = 76, Cb = 128 - 0.1687 * 255 = 85, Cr = 128 + 127.5 = 255 (ITU-T T.871).
# With a fourth component it is what remains of the stored (inverted) inks that is written so: for
# red, cyan, which is Y = 179, Cb = 171, Cr = 0.
@pytest.mark.parametrize(
    ("stored", "adobe_transform"),
    [((76, 85, 255), None), ((76, 85, 255), 1), ((179, 171, 0, 255), 2)],
)
def test_a_jpeg_of_luminance_and_colour_differences_is_what_it_stands_for(
    tmp_path, stored, adobe_transform
):
    path = tmp_path / "a.jpg"
    path.write_bytes(flat_jpeg(stored, adobe_transform=adobe_transform))

    red, green, blue = rows_of(load(path))[4][4]

    assert red >= 253
    assert max(green, blue) <= 2


@pytest.mark.parametrize("image_format", ["GIF", "PNG", "WEBP", "TIFF", "AVIF"])
def test_the_first_frame_of_an_animation_is_taken(tmp_path, image_format):
    frames = [Image.new("RGB", (16, 16), colour) for colour in (RED, BLUE)]
    path = tmp_path / "a"
    frames[0].save(
        path,
        format=image_format,
        save_all=True,
        append_images=frames[1:],
        **({"quality": 100} if image_format == "AVIF" else {"lossless": True}),
    )

    red, green, blue = rows_of(load(path))[8][8]

    assert red >= 253
    assert max(green, blue) <= 2


@pytest.mark.parametrize("background", ["#0A141e", "#0a141e"])
def test_the_background_shows_through_as_much_as_the_image_lets_it(tmp_path, background):
    pixels = [(255, 0, 0, 255), (255, 0, 0, 0), (255, 0, 0, 128)]
    path = save(tmp_path / "a.png", image_of(pixels, mode="RGBA"))

    # (255 * 128 + 10 * 127) / 255 = 133.0, and 20 and 30 * 127 / 255 = 10.0 and 14.9
    assert rows_of(load(path, background=background)) == [[RED, (10, 20, 30), (133, 10, 15)]]


@pytest.mark.parametrize("image_format", ["PNG", "WEBP", "TIFF", "GIF"])
def test_the_background_has_any_name_of_a_colour(tmp_path, image_format):
    image = image_of([(255, 0, 0, 255), (255, 0, 0, 0)], mode="RGBA")
    path = save(tmp_path / "a", image, format=image_format, lossless=True)

    assert rows_of(load(path, background="Blue")) == [[RED, BLUE]]


def test_an_opaque_image_shows_no_background(tmp_path):
    path = save(tmp_path / "a.png", image_of([RED, WHITE]))

    assert rows_of(load(path, background="blue")) == [[RED, WHITE]]


def test_a_background_that_is_no_colour_is_the_callers_mistake(tmp_path):
    path = save(tmp_path / "a.png", image_of([RED]))

    with pytest.raises(ValueError, match="unknown color specifier"):
        load(path, background="whit")


@pytest.mark.parametrize("size", [(1, 1), (20_000, 1), (1, 20_000)])
@pytest.mark.parametrize("image_format", ["PNG", "JPEG", "TIFF", "BMP", "GIF"])
@pytest.mark.parametrize("enough_px", [None, (8, 8)])
def test_the_thinnest_images_are_images(tmp_path, size, image_format, enough_px):
    path = tmp_path / "a"
    save(path, Image.new("RGB", size, WHITE), format=image_format)

    image = load(path, enough_px=enough_px)

    assert image.size == size
    assert image.getextrema() == ((255, 255),) * 3


def test_a_hundred_megapixels_are_an_image(tmp_path):
    side = 10_000
    row = b"\0" + bytes(side // 8)
    last = b"\0" + bytes(side // 8 - 1) + b"\x01"
    pixels = chunk(b"IDAT", zlib.compress(row * (side - 1) + last, 1))
    path = tmp_path / "a.png"
    path.write_bytes(png(side, side, pixels, IEND, depth=1, colour=0))

    image = load(path)

    assert image.size == (side, side)
    assert image.getpixel((side - 1, side - 1)) == WHITE
    assert image.getpixel((side - 2, side - 1)) == (0, 0, 0)
