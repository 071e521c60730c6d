from typing import Any

import pytest
from PIL import Image

from capenh_pipeline.models.vlm_resizing import FixedSize, fixed_size


def size_of(image_processor) -> Any:
    return fixed_size(image_processor, lambda image: image_processor(image, return_tensors="pt"))


@pytest.fixture(scope="module")
def clip():
    from transformers import CLIPImageProcessorPil

    return CLIPImageProcessorPil(size={"height": 48, "width": 32}, do_center_crop=False)


def test_a_processor_that_makes_all_images_the_same_size_gets_them_at_it(clip):
    assert size_of(clip) == FixedSize(width=32, height=48, resample=3)


@pytest.mark.parametrize("px", [(20, 20), (64, 48), (180, 97)])
def test_a_resized_image_becomes_the_same_tensor(clip, px):
    image = Image.effect_noise(px, 80).convert("RGB")
    resized = size_of(clip).resize(image)
    assert resized.size == (32, 48)
    values = [clip(each, return_tensors="pt")["pixel_values"] for each in (image, resized)]
    assert (values[0] == values[1]).all()


def test_a_huge_image_becomes_nearly_the_same_tensor(clip):
    image = Image.effect_noise((50, 50), 80).resize((1000, 1500)).convert("RGB")
    resized = size_of(clip).resize(image)
    values = [clip(each, return_tensors="pt")["pixel_values"] for each in (image, resized)]
    assert (values[0] - values[1]).abs().mean() < 0.02


def test_images_are_left_alone_where_proportions_or_tiles_count():
    from transformers import CLIPImageProcessorPil, LlavaOnevisionImageProcessorPil

    tiles = LlavaOnevisionImageProcessorPil(
        size={"height": 32, "width": 32}, image_grid_pinpoints=[[32, 64], [64, 64]]
    )
    assert size_of(tiles) is None
    assert size_of(CLIPImageProcessorPil(size={"shortest_edge": 32})) is None
    assert size_of(CLIPImageProcessorPil(size={"height": 32, "width": 32}, do_resize=False)) is None
