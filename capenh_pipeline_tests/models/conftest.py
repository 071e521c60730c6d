from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from capenh_pipeline.demo.chance import seeded
from capenh_pipeline.demo.drawing import draw_scene
from capenh_pipeline.demo.scenes import Scene, sample_scenes
from capenh_pipeline.models.vlm import TransformersVlm, load_vlm
from capenh_pipeline.models.vlm_settings import VlmSettings
from capenh_pipeline_tests.checkpoints import (
    write_blip,
    write_blip2,
    write_joycaption,
    write_llava,
    write_original_florence,
)

Load = Callable[..., TransformersVlm]


@pytest.fixture(scope="session")
def load() -> Load:
    """Loads a VLM on the CPU in float32; one of the same settings is loaded once a session."""

    @cache
    def load_once(model_id: str, **settings: Any) -> TransformersVlm:
        if "prompt" in settings:
            settings["prompts"] = (settings.pop("prompt"),)
        return load_vlm(VlmSettings(model_id, device="cpu", dtype="float32", **settings))

    return lambda folder, **settings: load_once(str(folder), **settings)


@pytest.fixture(scope="session")
def scenes() -> list[Scene]:
    return [
        scene for scene, _ in zip(sample_scenes(seeded(8), held_out=True), range(12), strict=False)
    ]


@pytest.fixture(scope="session")
def drawings(scenes: list[Scene]) -> list[Image.Image]:
    rng = seeded(9)
    sides = [96, 128, 200, 333, 512, 1024]
    return [
        draw_scene(scene, rng, side_px=sides[place % len(sides)])
        for place, scene in enumerate(scenes)
    ]


@pytest.fixture(scope="session")
def llava(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_llava(tmp_path_factory.mktemp("checkpoints") / "llava")


@pytest.fixture(scope="session")
def blip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_blip(tmp_path_factory.mktemp("checkpoints") / "blip")


@pytest.fixture(scope="session")
def blip2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_blip2(tmp_path_factory.mktemp("checkpoints") / "blip2")


@pytest.fixture(scope="session")
def joycaption(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_joycaption(tmp_path_factory.mktemp("checkpoints") / "joycaption")


@pytest.fixture(scope="session")
def original_florence(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_original_florence(tmp_path_factory.mktemp("checkpoints") / "original")
