import zlib

import pytest
from PIL import Image

from capenh_pipeline.dataset.images import inspect_image
from capenh_pipeline_tests.dataset.pictures import (
    UPRIGHT_QUARTERS,
    A,
    B,
    C,
    D,
    E,
    F,
    chunk,
    corners,
    exif,
    image_of,
    load,
    png,
    quarters,
    rows_of,
    save,
)

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


def test_sixty_kilobytes_of_exif_data_are_no_obstacle(tmp_path):
    data = exif(6)
    data[0x010E] = "x" * 60_000  # ImageDescription
    path = save(tmp_path / "a.jpg", Image.new("RGB", (32, 16), (60, 50, 40)), exif=data)

    assert (inspect_image(path).width, inspect_image(path).height) == (16, 32)
    assert load(path).getpixel((15, 31)) == (60, 50, 40)


@pytest.mark.parametrize("value", [0, 9, 65535])
def test_an_orientation_that_does_not_exist_is_none(tmp_path, value):
    path = save(tmp_path / "a.png", image_of([A, B]), exif=exif(value))

    assert inspect_image(path).width == 2
    assert rows_of(load(path)) == [[A, B]]


@pytest.mark.parametrize("image_format", ["JPEG", "AVIF"])
@pytest.mark.parametrize("orientation", UPRIGHT)
def test_a_photo_is_turned_upright(tmp_path, orientation, image_format):
    path = tmp_path / "a"
    quarters(64, 32).save(path, format=image_format, quality=100, exif=exif(orientation))

    assert corners(load(path)) == UPRIGHT_QUARTERS[orientation]
