"""How near the VLM stage comes to what the machine could do."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from capenh_pipeline.defs.resources import Outside
from capenh_pipeline.demo.checkpoints import FLORENCE_FOLDER
from capenh_pipeline.domain.options import Options
from capenh_pipeline.models.base import Generation, VisionLanguageModel
from capenh_pipeline.models.torch_threads import usable_cores
from capenh_pipeline.models.vlm import load_vlm
from capenh_pipeline.models.vlm_settings import VlmSettings
from capenh_pipeline.stages.image_manifest import build_image_manifest
from capenh_pipeline.stages.image_reader import ImageFile, ImageReader
from capenh_pipeline.stages.progress import LineProgress
from capenh_pipeline.stages.run import Run
from capenh_pipeline.stages.vlm_captions import fill_vlm_captions, image_files
from capenh_pipeline_tests.benchmarks.timed_vlm import TimedVlm
from capenh_pipeline_tests.images import draw

IMAGES = 1000
ONE_AT_A_TIME = 64
YARDSTICK_IMAGES = 256
SETTINGS = VlmSettings(str(FLORENCE_FOLDER))


def vlm_stage(folder: Path) -> dict[str, object]:
    """Return the figures of the VLM stage with the demo's model, on 1,000 JPEGs of each size.

    `vlm_efficiency_<px>`: images/s of the stage (model loaded before) ÷ what this machine could
    do: on a CPU cores ÷ (CPU seconds an image of decoding and preparing alone + CPU seconds an
    image of a bare batched `generate` on ready tensors, at the batch size that the stage
    chose), on a GPU the bare `generate` loop.
    `vlm_vs_one_at_a_time`: the stage ÷ a loop that opens, prepares and generates one image at a
    time, with the same model and threads.
    `vlm_seconds_of_threads_<px>`: where the threads of the stage spend their time, as shares.
    """
    figures: dict[str, object] = {}
    for side_px in (1024, 128):
        run = _run(folder / str(side_px), side_px)
        model = TimedVlm(load_vlm(SETTINGS))
        files = list(image_files(run).values())
        one_at_a_time = _one_at_a_time(model, files[:ONE_AT_A_TIME])
        stage = _stage(run, model)
        possible = _possible(model, files[:YARDSTICK_IMAGES])
        figures |= {
            f"vlm_efficiency_{side_px}": round(stage / possible, 2),
            f"vlm_images_per_s_{side_px}": round(stage, 1),
            f"vlm_vs_one_at_a_time_{side_px}": round(stage / one_at_a_time, 1),
            f"vlm_batch_size_{side_px}": model.largest_batch,
            f"vlm_lanes_{side_px}": model.lanes,
            f"vlm_thread_seconds_{side_px}": model.seconds(),
        }
    return figures


def _run(folder: Path, side_px: int) -> Run:
    for number in range(IMAGES):
        draw(folder / f"{number}.jpg", number, side_px=side_px)
    outside = Outside(environment=dict, progress=LineProgress(lambda line: None))
    run = outside.open_run(Options(dataset_dir=str(folder), model_id=str(FLORENCE_FOLDER)))
    build_image_manifest(run)
    return run


def _stage(run: Run, model: VisionLanguageModel) -> float:
    """Return the images/s of the stage, by the wall clock."""
    began = time.perf_counter()
    report = fill_vlm_captions(run, load=lambda settings: model, before_load=lambda: None)
    seconds = time.perf_counter() - began
    done = sum(counts["computed"] for counts in report.shards.values())
    assert done == IMAGES
    return done / seconds


def _one_at_a_time(model: VisionLanguageModel, files: Sequence[ImageFile]) -> float:
    """Return the images/s of a plain loop, by the wall clock."""
    reader = _reader(model)
    began = time.perf_counter()
    for file in files:
        model.generate(model.prepare([reader.read(file)], 0), Generation())
    return len(files) / (time.perf_counter() - began)


def _possible(model: TimedVlm, files: Sequence[ImageFile]) -> float:
    """Return the images/s that the machine could do if all of it did nothing else."""
    size, reader = model.largest_batch, _reader(model)
    batches = [files[start : start + size] for start in range(0, len(files), size)]
    prepared: list[Any] = []

    def prepare() -> None:
        prepared.extend(
            model.prepare([reader.read(file) for file in batch], 0) for batch in batches
        )

    preparing = _clocked(prepare, time.process_time)
    is_gpu = _is_on_gpu()
    clock = time.perf_counter if is_gpu else time.process_time
    generating = _clocked(
        lambda: [model.generate(inputs, Generation()) for inputs in prepared], clock
    )
    if is_gpu:
        return len(files) / generating
    return usable_cores() * len(files) / (preparing + generating)


def _reader(model: VisionLanguageModel) -> ImageReader:
    return ImageReader(model, background="white", timeout_s=60, is_isolated=False)


def _clocked(work: Callable[[], object], clock: Callable[[], float]) -> float:
    began = clock()
    work()
    return clock() - began


def _is_on_gpu() -> bool:
    import torch

    return torch.cuda.is_available()
