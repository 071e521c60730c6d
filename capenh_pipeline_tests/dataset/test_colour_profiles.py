import pytest
from PIL import Image, ImageCms

from capenh_pipeline_tests.dataset.hostile import damaged
from capenh_pipeline_tests.dataset.pictures import (
    BLUE,
    RED,
    WHITE,
    image_of,
    load,
    raw_tiff,
    rows_of,
    save,
)
from capenh_pipeline_tests.dataset.profiles import (
    SRGB_CURVE,
    SRGB_PRIMARIES,
    grey_profile,
    ink_profile,
    rgb_profile,
)

# sRGB (IEC 61966-2-1) writes linear light v as 1.055 v^(1/2.4) - 0.055, below 0.0031 as 12.92 v:
# 64/255 is 0.2510 and becomes 0.5371 (137), 128/255 is 0.5020 and becomes 0.7369 (188).
LINEAR, AS_SRGB = (0, 64, 128), (0, 137, 188)


def loaded(tmp_path, image, profile, **options):
    path = tmp_path / "a"
    save(path, image, icc_profile=profile, **{"format": "PNG", **options})
    return rows_of(load(path))


@pytest.mark.parametrize("image_format", ["PNG", "TIFF", "WEBP"])
def test_colours_are_converted_from_the_profile_of_the_image_to_srgb(tmp_path, image_format):
    pixels = [LINEAR, WHITE, (0, 0, 0)]

    seen = loaded(
        tmp_path, image_of(pixels), rgb_profile(), format=image_format, lossless=True, exact=True
    )

    assert seen == [[AS_SRGB, WHITE, (0, 0, 0)]]


def test_a_jpeg_is_converted_too(tmp_path):
    image = Image.new("RGB", (16, 16), (128, 128, 128))

    assert loaded(tmp_path, image, rgb_profile(), format="JPEG")[8][8] == (188, 188, 188)


def test_the_primaries_of_the_profile_count(tmp_path):
    red, green, blue = SRGB_PRIMARIES
    profile = rgb_profile(primaries=(blue, green, red))

    assert loaded(tmp_path, image_of([RED, BLUE]), profile) == [[BLUE, RED]]


def test_colours_are_converted_before_the_background_shows_through(tmp_path):
    half = (128, 128, 128, 128)  # 188 over white, at 128 / 255: 188 + 67 * 127 / 255 = 221.4

    assert loaded(tmp_path, image_of([half], mode="RGBA"), rgb_profile()) == [[(221, 221, 221)]]


def test_the_colours_of_a_palette_are_converted(tmp_path):
    image = image_of([0, 1], mode="P")
    image.putpalette([*LINEAR, *WHITE])

    assert loaded(tmp_path, image, rgb_profile()) == [[AS_SRGB, WHITE]]


@pytest.mark.parametrize(
    ("mode", "pixels", "greys"),
    [
        ("L", [0, 64, 128, 255], [0, 137, 188, 255]),
        ("LA", [(128, 255), (128, 128)], [188, 221]),
        ("I;16", [0, 32896, 65535], [0, 188, 255]),
    ],
)
def test_greys_are_converted_from_a_grey_profile(tmp_path, mode, pixels, greys):
    seen = loaded(tmp_path, image_of(pixels, mode=mode), grey_profile())

    assert seen == [[(grey, grey, grey) for grey in greys]]


# Cyan ink is L* = 100 * 128 / 255 = 50.2 in this profile: Y = ((50.2 + 16) / 116)^3 = 0.1858,
# which sRGB writes as 0.4683 (119.4).
def test_inks_are_what_their_profile_says(tmp_path):
    inks = [(0, 0, 0, 0), (255, 0, 0, 0), (0, 0, 0, 255)]

    [[paper, cyan, black]] = loaded(
        tmp_path, image_of(inks, mode="CMYK"), ink_profile(), format="TIFF"
    )

    assert (paper, black) == (WHITE, (0, 0, 0))
    assert set(cyan) <= {119, 120}


def test_lab_needs_no_profile(tmp_path):
    path = tmp_path / "a.tif"
    path.write_bytes(raw_tiff(2, 1, bytes([255, 0, 0, 128, 0, 0]), bits=(8, 8, 8), photometric=8))

    [[white, grey]] = rows_of(load(path))
    assert min(white) >= 254  # lcms rounds to 8 bits on the way
    assert set(grey) <= {119, 120}


RED_A_LITTLE_OFF = ((0.4375, 0.2225, 0.0139), *SRGB_PRIMARIES[1:])


@pytest.mark.parametrize(
    "profile",
    [
        ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
        rgb_profile(curve=SRGB_CURVE),
        rgb_profile(
            curve=SRGB_CURVE, primaries=RED_A_LITTLE_OFF
        ),  # alone it would be a level or two
    ],
    ids=["lcms", "by hand", "rounded"],
)
def test_a_profile_that_is_srgb_changes_no_pixel(tmp_path, profile):
    colours = [(n, 255 - n, n * 7 % 256) for n in range(256)]

    assert loaded(tmp_path, image_of(colours), profile) == [colours]


@pytest.mark.parametrize(
    "profile",
    [
        b"not a profile",
        rgb_profile()[:200],
        rgb_profile()[:128] + b"\xff" * 300,
        grey_profile(),  # for an image that has colours
        ink_profile(),
        rgb_profile() + bytes(4_000_000),
    ],
    ids=["text", "cut off", "broken", "of greys", "of inks", "huge"],
)
def test_a_profile_that_cannot_be_used_is_ignored(tmp_path, profile):
    assert loaded(tmp_path, image_of([LINEAR]), profile, format="TIFF") == [[LINEAR]]


@pytest.mark.parametrize(
    ("profile", "mode"), [(rgb_profile(), "RGB"), (grey_profile(), "L"), (ink_profile(), "CMYK")]
)
def test_no_harm_done_to_a_profile_costs_the_image(tmp_path, profile, mode):
    image = Image.new(mode, (4, 4))

    for _, harmed in damaged(profile, seed=mode):
        [pixel, *_], *_ = loaded(tmp_path, image, harmed, format="TIFF")
        assert len(pixel) == 3
