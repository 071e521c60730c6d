"""How near the VLM stage comes to what the machine could do."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from capenh_pipeline.dataset.images import load_image
from capenh_pipeline.defs.resources import Outside
from capenh_pipeline.demo.checkpoints import FLORENCE_FOLDER
from capenh_pipeline.domain.options import Options
from capenh_pipeline.models.base import VisionLanguageModel
from capenh_pipeline.models.torch_threads import usable_cores
from capenh_pipeline.models.vlm import VlmSettings, load_vlm
from capenh_pipeline.stages.batches import ImageFile
from capenh_pipeline.stages.image_manifest import build_image_manifest
from capenh_pipeline.stages.progress import LineProgress
from capenh_pipeline.stages.run import Run
from capenh_pipeline.stages.vlm_captions import fill_vlm_captions, image_files
from capenh_pipeline_tests.images import draw

IMAGES = 256
SIDE_PX = 1024
ONE_AT_A_TIME = 64


def vlm_stage(folder: Path) -> dict[str, object]:
    """Return the figures of the VLM stage with the demo's model, on 256 JPEGs of 1024 px.

    `vlm_efficiency`: images/s of the stage (model loaded before) ÷ what this machine could do:
    on a CPU cores ÷ (CPU seconds an image of decoding and preparing alone + CPU seconds an
    image of a bare batched `generate` on ready tensors), on a GPU the bare `generate` loop.
    `vlm_vs_one_at_a_time`: the same stage ÷ a loop that opens, prepares and generates one image
    at a time, with the same model and threads.
    """
    for number in range(IMAGES):
        draw(folder / f"{number}.jpg", number, side_px=SIDE_PX)
    outside = Outside(environment=dict, progress=LineProgress(lambda line: None))
    run = outside.open_run(Options(dataset_dir=str(folder), model_id=str(FLORENCE_FOLDER)))
    build_image_manifest(run)
    model = load_vlm(VlmSettings(str(FLORENCE_FOLDER)))
    files = list(image_files(run).values())
    one_at_a_time = _one_at_a_time(model, files[:ONE_AT_A_TIME])
    possible = _possible(model, files)
    stage = _stage(run, model)
    return {
        "vlm_images_per_s": round(stage, 1),
        "vlm_efficiency": round(stage / possible, 2),
        "vlm_vs_one_at_a_time": round(stage / one_at_a_time, 1),
        "vlm_batch_size": model.preferred_batch_size,
    }


class _AlreadyLoaded:
    """A loaded model that outlives the stage."""

    def __init__(self, model: VisionLanguageModel) -> None:
        self._model = model

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def close(self) -> None:
        """It is used again."""


def _stage(run: Run, model: VisionLanguageModel) -> float:
    """Return the images/s of the stage, by the wall clock."""
    began = time.perf_counter()
    report = fill_vlm_captions(
        run, load=lambda settings: _AlreadyLoaded(model), before_load=lambda: None
    )
    seconds = time.perf_counter() - began
    done = sum(counts["computed"] for counts in report.shards.values())
    assert done == IMAGES
    return done / seconds


def _one_at_a_time(model: VisionLanguageModel, files: Sequence[ImageFile]) -> float:
    """Return the images/s of a plain loop, by the wall clock."""
    began = time.perf_counter()
    for file in files:
        model.generate(model.prepare([_opened(file)]))
    return len(files) / (time.perf_counter() - began)


def _possible(model: VisionLanguageModel, files: Sequence[ImageFile]) -> float:
    """Return the images/s that the machine could do if all of it did nothing else."""
    size = model.preferred_batch_size
    batches = [files[start : start + size] for start in range(0, len(files), size)]
    prepared: list[Any] = []

    def prepare() -> None:
        prepared.extend(model.prepare([_opened(file) for file in batch]) for batch in batches)

    preparing = _clocked(prepare, time.process_time)
    is_gpu = _is_on_gpu()
    clock = time.perf_counter if is_gpu else time.process_time
    generating = _clocked(lambda: [model.generate(inputs) for inputs in prepared], clock)
    if is_gpu:
        return len(files) / generating
    return usable_cores() * len(files) / (preparing + generating)


def _opened(file: ImageFile) -> Image.Image:
    return load_image(file.path, image_hash=file.image_hash)


def _clocked(work: Callable[[], object], clock: Callable[[], float]) -> float:
    began = clock()
    work()
    return clock() - began


def _is_on_gpu() -> bool:
    import torch

    return torch.cuda.is_available()
