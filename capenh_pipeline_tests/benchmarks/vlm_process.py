"""What the VLM stage takes of a machine as a process of its own: time to begin, and memory.

`python -m capenh_pipeline_tests.benchmarks.vlm_process DATASET BATCH_SIZE` captions a dataset
and prints one JSON object.
"""

import contextlib
import json
import multiprocessing
import shutil
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path

from capenh_pipeline.defs.resources import Outside
from capenh_pipeline.demo.checkpoints import FLORENCE_FOLDER
from capenh_pipeline.domain.options import Options
from capenh_pipeline.stages.image_manifest import build_image_manifest
from capenh_pipeline.stages.progress import LineProgress
from capenh_pipeline.stages.vlm_captions import fill_vlm_captions
from capenh_pipeline_tests.benchmarks.vlm_stage import draw_dataset

FEW, MANY = 10, 1000
SIDE_PX = 1024


def vlm_process(folder: Path) -> dict[str, object]:
    """Return the figures of whole processes that caption JPEGs of 1024 px with the demo's model.

    `vlm_first_caption_s`: seconds from the start of the process to its first caption, and
    `vlm_model_ready_s`: those until the model was loaded.
    `vlm_peak_mb_of_10`, `vlm_peak_mb_of_1000`: largest resident memory with 10 images a batch,
    and `vlm_peak_mb_of_1000_auto` with batches that grow.
    `vlm_slowdown_one_core_busy`: images/s on an idle machine ÷ images/s while another process
    keeps a core busy.
    """
    few, many = (draw_dataset(folder / str(images), SIDE_PX, images) for images in (FEW, MANY))
    small, large = (_measured(dataset, batch_size=FEW) for dataset in (few, many))
    idle = _measured(many)
    with _one_core_busy():
        busy = _measured(many)
    return {
        "vlm_first_caption_s": small["first_caption_s"],
        "vlm_model_ready_s": small["model_ready_s"],
        "vlm_peak_mb_of_10": small["peak_mb"],
        "vlm_peak_mb_of_1000": large["peak_mb"],
        "vlm_peak_mb_of_1000_auto": idle["peak_mb"],
        "vlm_slowdown_one_core_busy": round(idle["images_per_s"] / busy["images_per_s"], 2),
    }


def _measured(dataset: Path, *, batch_size: int = 0) -> dict[str, float]:
    """Return the figures of a process that captions the dataset from nothing."""
    shutil.rmtree(dataset / ".capenh", ignore_errors=True)
    began = time.time()
    command = [sys.executable, "-m", __name__, str(dataset), str(batch_size)]
    figures = json.loads(subprocess.check_output(command))  # noqa: S603  # our own interpreter
    return {
        "first_caption_s": round(figures["first_caption"] - began, 2),
        "model_ready_s": round(figures["model_ready"] - began, 2),
        "peak_mb": figures["peak_mb"],
        "images_per_s": figures["images_per_s"],
    }


@contextlib.contextmanager
def _one_core_busy() -> Generator[None]:
    spinning = multiprocessing.get_context("spawn").Process(target=_spin, daemon=True)
    spinning.start()
    try:
        yield
    finally:
        spinning.terminate()
        spinning.join()


def _spin() -> None:
    deadline = time.monotonic() + 300  # stops by itself
    while time.monotonic() < deadline:
        pass


def _peak_mb() -> int:
    """Return the most memory that this process had; Linux's getrusage counts its parent's too."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024


def _caption(dataset: str, batch_size: int) -> dict[str, float]:
    from capenh_pipeline.models.vlm import load_vlm
    from capenh_pipeline_tests.benchmarks.timed_vlm import TimedVlm

    outside = Outside(environment=dict, progress=LineProgress(lambda line: None))
    options = {"model_id": str(FLORENCE_FOLDER), "batch_size": batch_size}
    run = outside.open_run(Options(dataset_dir=dataset, **options))
    build_image_manifest(run)
    ready: list[TimedVlm] = []

    def load(settings: object) -> TimedVlm:
        ready.append(TimedVlm(load_vlm(settings)))
        times["model_ready"] = time.time()
        return ready[0]

    times: dict[str, float] = {}
    report = fill_vlm_captions(run, load=load, before_load=lambda: None)
    seconds = time.time() - times["model_ready"]
    images = sum(counts["computed"] for counts in report.shards.values())
    return {
        **times,
        "first_caption": ready[0].first_caption or 0.0,
        "images_per_s": images / seconds,
        "peak_mb": _peak_mb(),
    }


if __name__ == "__main__":
    json.dump(_caption(sys.argv[1], int(sys.argv[2])), sys.stdout)
