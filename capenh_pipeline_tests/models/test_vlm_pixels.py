"""The way from an image to the model's numbers is short, and changes none of them."""

from typing import Any

import pytest
from PIL import Image

from capenh_pipeline.demo.checkpoints import FLORENCE_FOLDER
from capenh_pipeline.models.vlm_pixels import FixedSize, byte_route, fixed_size


def size_of(image_processor) -> Any:
    return fixed_size(image_processor, lambda images: image_processor(images, return_tensors="pt"))


def noise(width: int, height: int) -> Image.Image:
    return Image.merge("RGB", [Image.effect_noise((width, height), 80) for _ in range(3)])


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


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"image_mean": [0.5, 0.4, 0.3], "image_std": [0.1, 0.2, 0.3]},
        {"do_normalize": False},
        {"do_rescale": False, "do_normalize": False},
        {"rescale_factor": 1 / 127.5},
    ],
)
def test_bytes_become_the_very_numbers_of_the_processor(options):
    from transformers import CLIPImageProcessorPil

    size = {"height": 48, "width": 32}
    processor = CLIPImageProcessorPil(size=size, do_center_crop=False, **options)
    images = [noise(20, 20), noise(64, 48), noise(180, 97)]

    def prepare(images, prompt):
        return {"pixel_values": processor(images, return_tensors="pt")["pixel_values"].float()}

    route = byte_route(size_of(processor), prepare, prompts=1)
    inputs = route.inputs(images, 0)
    assert str(inputs["pixel_values"].dtype) == "torch.uint8"
    assert (route.numbers(inputs["pixel_values"]) == prepare(images, 0)["pixel_values"]).all()


@pytest.fixture(scope="module")
def florence():
    """Model inputs by the demo's processor, of images and one of two prompts."""
    from transformers import AutoProcessor

    processor = AutoProcessor.from_pretrained(FLORENCE_FOLDER)

    def prepare(images, prompt=0):
        text = ["<CAPTION>", "<DETAILED_CAPTION>"][prompt]
        return dict(processor(text=[text] * len(images), images=images, return_tensors="pt"))

    return prepare, fixed_size(processor.image_processor, prepare)


def test_each_prompt_keeps_its_own_words(florence):
    prepare, size = florence
    images = [noise(16, 16)] * 3
    route = byte_route(size, prepare, prompts=2)
    for prompt in (0, 1):
        inputs, expected = route.inputs(images, prompt), prepare(images, prompt)
        assert inputs["input_ids"].tolist() == expected["input_ids"].tolist()
    assert inputs["input_ids"].tolist() != prepare(images, 0)["input_ids"].tolist()


def swapped(inputs, images):
    return {**inputs, "pixel_values": inputs["pixel_values"].flip(1)}


def by_brightness(inputs, images):
    return {**inputs, "pixel_values": inputs["pixel_values"] - inputs["pixel_values"].mean()}


def counted(inputs, images):
    import torch

    return {**inputs, "sizes": torch.tensor([[image.width] for image in images])}


@pytest.mark.parametrize("change", [swapped, by_brightness, counted])
def test_a_processor_that_looks_at_more_than_each_byte_keeps_its_work(florence, change):
    prepare, size = florence
    assert byte_route(size, prepare, prompts=1) is not None
    assert byte_route(size, lambda *ask: change(prepare(*ask), ask[0]), prompts=1) is None
