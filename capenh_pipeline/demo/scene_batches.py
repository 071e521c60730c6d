"""Endless training batches for the VLM: fresh pictures of scenes, as files would show them."""

import io
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from PIL import Image

from capenh_pipeline.demo.drawing import draw_scene
from capenh_pipeline.demo.scenes import Scene, sample_scenes

# The processor shrinks every picture to 64 px with a wide filter, so that larger ones than
# these look the same to the model, and only take longer to draw.
_SIDES_PX = (64, 96, 128, 128, 160, 192, 256, 384)
_JPEG_SHARE = 0.5
_JPEG_QUALITY = (70, 95)
_PIXEL_NOISE = 0.03


@dataclass(frozen=True)
class SceneBatch:
    """Some scenes and what a model sees of them, `pixel_values` of shape (scenes, 3, 64, 64)."""

    scenes: Sequence[Scene]
    pixel_values: Any


def scene_batches(image_processor: Any, rng: random.Random, *, size: int) -> Iterator[SceneBatch]:
    """Yield batches of training scenes for ever; none is drawn twice.

    Noise comes from torch's own generator: seed that one too.
    """
    import torch

    source = sample_scenes(rng, held_out=False)
    while True:
        scenes = list(islice(source, size))
        images = [_picture(scene, rng) for scene in scenes]
        pixels = image_processor(images=images, return_tensors="pt").pixel_values
        yield SceneBatch(scenes, pixels + _PIXEL_NOISE * torch.randn_like(pixels))


def _picture(scene: Scene, rng: random.Random) -> Image.Image:
    image = draw_scene(scene, rng, side_px=rng.choice(_SIDES_PX))
    if rng.random() >= _JPEG_SHARE:
        return image
    file = io.BytesIO()
    image.save(file, "JPEG", quality=rng.randint(*_JPEG_QUALITY))
    return Image.open(file).convert("RGB")
