"""Images for tests, drawn in code."""

from collections.abc import Iterable
from pathlib import Path

from PIL import Image

from capenh_pipeline.demo.chance import seeded
from capenh_pipeline.demo.drawing import draw_scene
from capenh_pipeline.demo.scenes import MORE_DETAILED, sample_scenes, true_captions

SIX_SIZES = [(40, 40), (64, 64), (300, 90), (90, 300), (257, 511), (1024, 1024)]


def draw(path: Path, seed: int, *, side_px: int = 128) -> str:
    """Save a held-out scene of that seed to `path` and return its true detailed caption."""
    rng = seeded(seed)
    scene = next(sample_scenes(rng, held_out=True))
    path.parent.mkdir(parents=True, exist_ok=True)
    draw_scene(scene, rng, side_px=side_px).save(path)
    return true_captions(scene)[MORE_DETAILED]


def colour(path: Path, rgb: tuple[int, int, int], *, size: tuple[int, int] = (16, 16)) -> Path:
    """Save an image of one colour to `path` and return that."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, rgb).save(path)
    return path


def noise(sizes: Iterable[tuple[int, int]] = SIX_SIZES) -> list[Image.Image]:
    """Return images of coloured spots, the same at each call, each different."""
    spots = seeded(5)
    return [Image.frombytes("RGB", (8, 8), spots.randbytes(192)).resize(size) for size in sizes]
