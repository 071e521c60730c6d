"""Images as they are sent: within the budget of pixels, and as they looked."""

import base64
import io

import pytest
from PIL import Image, ImageChops

from capenh_pipeline.models.image_urls import MOST_SIDE_PX, PixelBudget, data_url
from capenh_pipeline_tests.images import noise


def sent(image):
    """Return an image as whoever gets its address sees it."""
    head, _, content = data_url(image).partition(",")
    assert head == "data:image/jpeg;base64"
    return Image.open(io.BytesIO(base64.b64decode(content)))


@pytest.mark.parametrize("size", [(1024, 1024), (4000, 250), (250, 4000), (1001, 999)])
def test_a_larger_image_is_reduced_to_the_budget_and_keeps_its_shape(size):
    small = PixelBudget(None, 1000).shrink(Image.new("RGB", size))
    width, height = small.size
    assert width * height <= 1000
    assert width / height == pytest.approx(size[0] / size[1], rel=0.2)


def test_an_image_within_the_budget_stays_as_it_is():
    image = Image.new("RGB", (25, 40))
    assert PixelBudget(None, 1000).shrink(image) is image


def test_a_smaller_one_is_enlarged_if_that_is_wished():
    assert PixelBudget(400, 1000).shrink(Image.new("RGB", (10, 5))).size == (29, 15)


def test_a_strip_is_no_longer_than_a_jpeg_can_be():
    strip = PixelBudget(None, 10**6).shrink(Image.new("RGB", (100_000, 2)))
    assert strip.size == (MOST_SIDE_PX, 1)
    assert sent(strip).size == strip.size


def test_a_decoder_is_told_which_size_will_do():
    budget = PixelBudget(None, 1000)
    assert budget.enough_px(25, 40) is None
    width, height = budget.enough_px(4000, 2500)
    assert 1000 <= width * height <= 1100


def test_what_is_sent_looks_like_the_image():
    for image in noise():
        difference = ImageChops.difference(image, sent(image).convert("RGB"))
        assert max(most for _, most in difference.getextrema()) <= 24
