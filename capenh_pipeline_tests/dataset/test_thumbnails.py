"""Thumbnails: pictures in a few bytes."""

import io
from hashlib import sha256

import pytest
from PIL import Image

from capenh_pipeline.dataset.thumbnails import MOST_BYTES, thumbnail
from capenh_pipeline.errors import RowError
from capenh_pipeline_tests.images import colour, noise


def made(path, **options):
    image_hash = sha256(path.read_bytes()).hexdigest()
    given = {"image_hash": image_hash, "background": "white", "timeout_s": 60}
    return thumbnail(path, **{**given, **options})


@pytest.mark.parametrize("number", range(6))
def test_it_is_a_jpeg_of_few_bytes_whatever_the_picture(tmp_path, number):
    noise()[number].save(tmp_path / "a.png")
    content = made(tmp_path / "a.png")
    assert 0 < len(content) <= MOST_BYTES
    with Image.open(io.BytesIO(content)) as image:
        assert image.format == "JPEG"
        assert max(image.size) <= 96


def test_worst_case_noise_fits_too(tmp_path):
    Image.effect_noise((500, 500), 200).save(tmp_path / "a.png")
    assert 0 < len(made(tmp_path / "a.png")) <= MOST_BYTES


def test_it_shows_the_image(tmp_path):
    content = made(colour(tmp_path / "a.png", (250, 10, 10), size=(300, 200)))
    with Image.open(io.BytesIO(content)) as image:
        assert image.size == (96, 64)
        red, green, blue = image.getpixel((40, 30))
    assert red > 230
    assert max(green, blue) < 40


def test_an_image_that_has_changed_has_none(tmp_path):
    path = colour(tmp_path / "a.png", (1, 2, 3))
    with pytest.raises(RowError, match="changed"):
        made(path, image_hash="0" * 64)
