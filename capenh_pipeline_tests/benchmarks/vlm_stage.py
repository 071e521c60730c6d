"""How near the VLM stage comes to what the machine could do."""

import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from capenh_pipeline.dataset.images import load_image
from capenh_pipeline.defs.resources import Outside
from capenh_pipeline.demo.checkpoints import FLORENCE_FOLDER
from capenh_pipeline.domain.options import Options
from capenh_pipeline.models.base import Generation, VisionLanguageModel
from capenh_pipeline.models.torch_threads import usable_cores
from capenh_pipeline.models.vlm import load_vlm
from capenh_pipeline.models.vlm_settings import VlmSettings
from capenh_pipeline.stages.image_manifest import build_image_manifest
from capenh_pipeline.stages.image_reader import ImageFile
from capenh_pipeline.stages.manifest_rows import manifest_rows
from capenh_pipeline.stages.progress import LineProgress
from capenh_pipeline.stages.run import Run
from capenh_pipeline.stages.vlm_captions import fill_vlm_captions
from capenh_pipeline_tests.benchmarks.timed_vlm import TimedVlm
from capenh_pipeline_tests.images import draw

IMAGES = 1000
SIDES_PX = (1024, 128)
ONE_AT_A_TIME = 64
YARDSTICK_IMAGES = 512
BEST_BATCH = 128
"""Images a batch that the demo's model is fastest with on a CPU, or hardly slower."""

FLORENCE = VlmSettings(str(FLORENCE_FOLDER))


def vlm_stage(folder: Path, settings: VlmSettings = FLORENCE) -> dict[str, object]:
    """Return the figures of the VLM stage, on 1,000 JPEGs of each size.

    `vlm_efficiency_<px>`: images/s of the stage at its best batch size (model loaded before) ÷
    what this machine could do: on a CPU cores ÷ (CPU seconds an image of decoding and preparing
    alone + CPU seconds an image of a bare batched `generate` on ready tensors), on a GPU the
    bare `generate` loop.
    `vlm_vs_one_at_a_time_<px>`: the same ÷ a loop that opens, prepares and generates one image
    at a time, with the same model and threads.
    `vlm_auto_vs_best_<px>`: images/s with batches that grow ÷ images/s at the best size.
    `vlm_threads_<px>`: how the threads of the stage spend their time, as shares of it.
    """
    figures: dict[str, object] = {}
    for side_px in SIDES_PX:
        dataset = draw_dataset(folder / str(side_px), side_px, IMAGES)
        model = TimedVlm(load_vlm(settings))
        best, shares = stage(dataset, model, settings, batch_size=BEST_BATCH)
        run = _run(dataset, settings)
        files = _files(run)
        possible = _possible(model, files[:YARDSTICK_IMAGES])
        one_at_a_time = _one_at_a_time(model, files[:ONE_AT_A_TIME])
        auto, _ = stage(dataset, model, settings, batch_size=0)
        figures |= {
            f"vlm_efficiency_{side_px}": round(best / possible, 2),
            f"vlm_vs_one_at_a_time_{side_px}": round(best / one_at_a_time, 1),
            f"vlm_auto_vs_best_{side_px}": round(auto / best, 2),
            f"vlm_images_per_s_{side_px}": round(best, 1),
            f"vlm_threads_{side_px}": shares,
        }
    return {**figures, "vlm_lanes": model.lanes}


def _files(run: Run) -> list[ImageFile]:
    columns = ("image_hash", "path", "width", "height", "format")
    rows = manifest_rows(run).select(columns).iter_rows()
    return [ImageFile(image_hash, run.dataset / path, *facts) for image_hash, path, *facts in rows]


def draw_dataset(folder: Path, side_px: int, images: int) -> Path:
    """Draw JPEGs of one size."""
    for number in range(images):
        draw(folder / f"{number}.jpg", number, side_px=side_px)
    return folder


def _run(dataset: Path, settings: VlmSettings, **options: Any) -> Run:
    outside = Outside(environment=dict, progress=LineProgress(lambda line: None))
    return outside.open_run(
        Options(dataset_dir=str(dataset), model_id=settings.model_id, **options)
    )


def stage(
    dataset: Path, model: TimedVlm, settings: VlmSettings, *, batch_size: int
) -> tuple[float, dict[str, float]]:
    """Return the images/s of the stage, by the wall clock, and what its threads do, as shares."""
    shutil.rmtree(dataset / ".capenh", ignore_errors=True)
    run = _run(dataset, settings, batch_size=batch_size)
    build_image_manifest(run)
    model.forget()
    began = time.perf_counter()
    report = fill_vlm_captions(run, load=lambda _: model, before_load=lambda: None)
    seconds = time.perf_counter() - began
    done = sum(counts["computed"] for counts in report.shards.values())
    assert done == len(list(dataset.glob("*.jpg")))
    threads = seconds * (model.lanes + model.preparing)
    shares = {name: round(spent / threads, 2) for name, spent in model.seconds().items()}
    return done / seconds, {**shares, "wait and store": round(1 - sum(shares.values()), 2)}


def _one_at_a_time(model: VisionLanguageModel, files: Sequence[ImageFile]) -> float:
    """Return the images/s of a plain loop, by the wall clock."""
    began = time.perf_counter()
    for file in files:
        model.generate(model.prepare([_opened(model, file)], 0), Generation())
    return len(files) / (time.perf_counter() - began)


def _possible(model: TimedVlm, files: Sequence[ImageFile]) -> float:
    """Return the images/s that the machine could do if all of it did nothing else."""
    starts = range(0, len(files), BEST_BATCH)
    batches = [files[start : start + BEST_BATCH] for start in starts]
    prepared: list[Any] = []

    def prepare() -> None:
        prepared.extend(
            model.prepare([_opened(model, file) for file in batch], 0) for batch in batches
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


def _opened(model: VisionLanguageModel, file: ImageFile) -> Image.Image:
    enough_px = model.enough_px(file.width, file.height)
    return model.shrink(load_image(file.path, image_hash=file.image_hash, enough_px=enough_px))


def _clocked(work: Callable[[], object], clock: Callable[[], float]) -> float:
    began = clock()
    work()
    return clock() - began


def _is_on_gpu() -> bool:
    import torch

    return torch.cuda.is_available()
