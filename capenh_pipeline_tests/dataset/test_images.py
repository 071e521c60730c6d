import hashlib
import struct
import subprocess
import sys
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from PIL import Image

from capenh_pipeline.dataset.images import FORMATS, ImageFacts, inspect_image, load_image
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


def test_an_empty_file_is_a_failure_with_the_hash_of_nothing(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(b"")

    facts = inspect_image(path)

    assert (facts.error_kind, facts.error, facts.size_bytes) == ("empty", "The file is empty.", 0)
    assert facts.image_hash.startswith("e3b0c442")  # sha256sum of nothing


@pytest.mark.parametrize(
    "content",
    [
        b"hello",
        b"<svg/>",
        b"\xff\xd8\xff",
        b"GIF89a",
        b"\x89PNG\r\n\x1a\n",
        b"P6 1 1 255 rgb",  # a format that Pillow reads, but that is not on our list
        b"GIF89a" + bytes(7) + b"," + bytes(9) + b"\x02\x00;",  # a picture of 0 x 0 pixels
    ],
)
def test_bytes_that_are_no_image_are_a_failure_with_their_hash(tmp_path, content):
    path = tmp_path / "a.jpg"
    path.write_bytes(content)

    facts = inspect_image(path)

    assert facts.error_kind in {"not_an_image", "truncated"}
    assert facts.image_hash == hashlib.sha256(content).hexdigest()
    assert (facts.width, facts.height, facts.format) == (None, None, None)
    assert " at 0x" not in facts.error
    assert failure_of(path).kind in {"undecodable", "truncated"}


def test_a_file_that_is_gone_or_cannot_be_read_has_no_hash(tmp_path):
    missing, folder = tmp_path / "gone.jpg", tmp_path / "folder.jpg"
    folder.mkdir()

    for path, reason in [(missing, "No such file or directory"), (folder, "Is a directory")]:
        facts = inspect_image(path)
        assert (facts.image_hash, facts.error_kind) == (None, "unreadable")
        assert facts.error == f"The file cannot be read: {reason}."
        with pytest.raises(RowError, match=reason) as failure:
            load_image(path, image_hash="0" * 64)
        assert failure.value.kind == "unreadable"


# Pillow warns above 89,478,485 pixels and refuses twice as many: 9,500² is between the two.
@pytest.mark.parametrize("side", [9_500, 20_000, 2**31 - 1])
@pytest.mark.parametrize("pillow_may", ["error", "always", "ignore"])
def test_a_decompression_bomb_is_too_large_whatever_the_warning_filter(tmp_path, side, pillow_may):
    path = tmp_path / "bomb.png"
    path.write_bytes(png(side, side, chunk(b"IDAT", zlib.compress(bytes(1000)))))

    with warnings.catch_warnings(record=True):
        warnings.simplefilter(pillow_may)
        facts = inspect_image(path)
        error = failure_of(path)

    assert (facts.error_kind, error.kind) == ("too_large", "too_large")
    assert facts.image_hash is not None
    assert "89478485 pixels" in facts.error


def test_the_largest_image_that_is_no_bomb_is_an_image(tmp_path):
    path = tmp_path / "large.png"
    path.write_bytes(png(9_459, 9_459, chunk(b"IDAT", b"")))  # 9,459² = 89,472,681

    assert inspect_image(path).width == 9_459


def test_bombs_are_found_in_many_threads_at_once(tmp_path):
    path = tmp_path / "bomb.png"
    path.write_bytes(png(9_500, 9_500, chunk(b"IDAT", b"")))

    with ThreadPoolExecutor(8) as pool:
        kinds = list(pool.map(lambda _: inspect_image(path).error_kind, range(200)))

    assert set(kinds) == {"too_large"}


def test_nothing_is_printed_about_bad_images(tmp_path):
    bomb, odd = tmp_path / "bomb.png", tmp_path / "odd.tif"
    bomb.write_bytes(png(9_500, 9_500, chunk(b"IDAT", b"")))
    image_of([A, B]).save(odd, compression="tiff_lzw")
    odd.write_bytes(odd.read_bytes()[:-4])  # Pillow warns of corrupt EXIF data
    program = (
        "import sys; from pathlib import Path\n"
        "from capenh_pipeline.dataset.images import inspect_image\n"
        "for name in sys.argv[1:]: inspect_image(Path(name))"
    )

    done = subprocess.run(  # noqa: S603  # this very interpreter
        [sys.executable, "-W", "always", "-c", program, bomb, odd],
        capture_output=True,
        text=True,
        check=True,
    )

    assert (done.stdout, done.stderr) == ("", "")


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "BMP", "GIF", "TIFF"])
def test_a_truncated_image_is_a_failure_not_half_an_image(tmp_path, image_format):
    path = tmp_path / "a"
    Image.effect_noise((64, 64), 60).convert("RGB").save(path, format=image_format)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 3 // 4])

    error = failure_of(path)

    assert error.kind == "truncated"
    assert "truncated" in str(error)


@pytest.mark.parametrize("image_format", ["WEBP", "AVIF"])
def test_a_truncated_image_of_a_newer_format_is_a_failure(tmp_path, image_format):
    path = tmp_path / "a"
    Image.effect_noise((64, 64), 60).convert("RGB").save(path, format=image_format)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 3 // 4])

    assert failure_of(path).kind in {"truncated", "undecodable"}


def test_pixels_that_cannot_be_decoded_are_a_failure(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(png(4, 4, chunk(b"IDAT", b"this is not zlib data"), chunk(b"IEND", b"")))

    error = failure_of(path)

    assert error.kind == "undecodable"
    assert str(error).startswith("The image cannot be decoded: ")


def test_a_file_that_has_changed_since_it_was_hashed_is_refused(tmp_path):
    path = save(tmp_path / "a.png", image_of([A]))

    with pytest.raises(RowError, match="changed") as failure:
        load_image(path, image_hash="0" * 64)

    assert failure.value.kind == "changed"


def test_every_corruption_of_an_image_is_a_result_or_a_failure_with_a_message(tmp_path):
    path = tmp_path / "a"
    for image_format in FORMATS:
        image_of([A, B, C], [D, E, F]).save(path, format=image_format)
        content = path.read_bytes()
        for position in range(0, len(content), max(1, len(content) // 40)):
            path.write_bytes(content[:position] + b"\xff" + content[position + 1 :])
            facts = inspect_image(path)
            if facts.error is None:
                with suppress(RowError):
                    assert load(path).size == (facts.width, facts.height)
            else:
                assert failure_of(path).kind in {"undecodable", "truncated", "too_large"}
