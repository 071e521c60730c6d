import hashlib
import struct
import zlib

import pytest
from PIL import Image

from capenh_pipeline.dataset.images import FORMATS, ImageFacts, inspect_image
from capenh_pipeline_tests.dataset.pictures import (
    BLUE,
    RED,
    WHITE,
    A,
    B,
    C,
    D,
    E,
    F,
    chunk,
    exif,
    image_of,
    load,
    png,
    rows_of,
    save,
)


@pytest.mark.parametrize("image_format", FORMATS)
def test_the_facts_are_those_of_the_content_whatever_the_name_says(tmp_path, image_format):
    path = save(tmp_path / "a.jpg", Image.new("RGB", (30, 20)), format=image_format)
    content = path.read_bytes()

    assert inspect_image(path) == ImageFacts(
        image_hash=hashlib.sha256(content).hexdigest(),
        size_bytes=len(content),
        width=30,
        height=20,
        format=image_format,
    )


def test_a_jpeg_of_several_pictures_counts_as_jpeg(tmp_path):
    pictures = [Image.new("RGB", (30, 20), RED), Image.new("RGB", (30, 20), BLUE)]
    path = save(
        tmp_path / "a.jpg", pictures[0], format="MPO", save_all=True, append_images=pictures[1:]
    )

    assert inspect_image(path).format == "JPEG"
    assert rows_of(load(path))[0][0] == (254, 0, 0)  # red through JPEG's colour space


# The eight orientations, as drawn in the EXIF specification (CIPA DC-008, 4.6.4.A, Orientation).
UPRIGHT = {
    1: [[A, B, C], [D, E, F]],
    2: [[C, B, A], [F, E, D]],
    3: [[F, E, D], [C, B, A]],
    4: [[D, E, F], [A, B, C]],
    5: [[A, D], [B, E], [C, F]],
    6: [[D, A], [E, B], [F, C]],
    7: [[F, C], [E, B], [D, A]],
    8: [[C, F], [B, E], [A, D]],
}


@pytest.mark.parametrize("image_format", ["PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", UPRIGHT)
def test_an_image_is_turned_upright(tmp_path, orientation, image_format):
    path = tmp_path / "a"
    image_of([A, B, C], [D, E, F]).save(
        path, format=image_format, exif=exif(orientation), lossless=True
    )

    assert rows_of(load(path)) == UPRIGHT[orientation]
    facts = inspect_image(path)
    assert (facts.width, facts.height) == ((3, 2) if orientation < 5 else (2, 3))


@pytest.mark.parametrize("image_format", ["JPEG", "AVIF"])
def test_width_and_height_are_those_of_the_upright_image(tmp_path, image_format):
    path = tmp_path / "a"
    Image.new("RGB", (32, 16)).save(path, format=image_format, exif=exif(6))

    facts = inspect_image(path)

    assert (facts.width, facts.height) == load(path).size == (16, 32)


def test_an_orientation_that_stands_behind_the_pixels_of_a_png_counts(tmp_path):
    path = tmp_path / "a.png"
    pixels = chunk(b"IDAT", zlib.compress(b"\0" + bytes([*A, *B, *C])))
    tail = chunk(b"eXIf", exif(6).tobytes().removeprefix(b"Exif\0\0")) + chunk(b"IEND", b"")
    path.write_bytes(png(3, 1, pixels, tail))

    facts = inspect_image(path)

    assert (facts.width, facts.height) == (1, 3)
    assert rows_of(load(path)) == [[A], [B], [C]]


def test_broken_exif_data_does_not_cost_the_image(tmp_path):
    path = tmp_path / "a.png"
    image_of([A, B]).save(path, exif=b"Exif\0\0II*\0\xff\xff\xff\xffgarbage")

    assert inspect_image(path).width == 2
    assert rows_of(load(path)) == [[A, B]]


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


def test_print_colours_become_screen_colours(tmp_path):
    image = image_of([(0, 0, 0, 0), (0, 255, 255, 0), (0, 0, 0, 255)], mode="CMYK")
    path = save(tmp_path / "a.tif", image)

    assert rows_of(load(path)) == [[WHITE, RED, (0, 0, 0)]]


@pytest.mark.parametrize("image_format", ["GIF", "PNG", "WEBP", "TIFF"])
def test_the_first_frame_of_an_animation_is_taken(tmp_path, image_format):
    frames = [Image.new("RGB", (4, 4), colour) for colour in (RED, BLUE)]
    path = tmp_path / "a"
    frames[0].save(
        path, format=image_format, save_all=True, append_images=frames[1:], lossless=True
    )

    assert rows_of(load(path))[0][0] == RED
