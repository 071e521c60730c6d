"""How near a served VLM comes to what its server allows, and what it costs this machine.

`python -m capenh_pipeline_tests.benchmarks.served_vlm` prints the figures alone.
"""

import json
import shutil
import sys
import tempfile
import time
from pathlib import Path

import psutil

from capenh_pipeline.defs.resources import Outside
from capenh_pipeline.domain.options import Options
from capenh_pipeline.stages.image_manifest import build_image_manifest
from capenh_pipeline.stages.progress import LineProgress
from capenh_pipeline.stages.run import Run
from capenh_pipeline.stages.vlm_captions import fill_vlm_captions
from capenh_pipeline_tests.benchmarks.llm_stage import CONCURRENCY, LATENCY_S
from capenh_pipeline_tests.benchmarks.slow_llm_server import slow_llm_server
from capenh_pipeline_tests.benchmarks.vlm_stage import SIDES_PX, draw_dataset

IMAGES = 1000


def served_vlm(folder: Path) -> dict[str, object]:
    """Return the figures of 1,000 JPEGs of each size, a server of its own process, 200 ms.

    `vlm_served_efficiency_<px>`: images/s of the whole stage with 64 in flight ÷ 64 / 0.2 s.
    `vlm_served_cpu_ms_<px>`: CPU milliseconds an image, of this process: reading, decoding,
    encoding as JPEG, asking, storing.
    `vlm_served_memory_growth_mb`: resident memory after a stage of the larger ones less that
    before it.
    """
    figures: dict[str, object] = {}
    with slow_llm_server(LATENCY_S) as url:
        for side_px in sorted(SIDES_PX):
            dataset = draw_dataset(folder / str(side_px), side_px, IMAGES)
            _timed(_run(dataset, url))  # imports
            before = psutil.Process().memory_info().rss
            images_per_s, cpu_ms = _timed(_run(dataset, url))
            growth = psutil.Process().memory_info().rss - before
            figures |= {
                f"vlm_served_efficiency_{side_px}": round(
                    images_per_s * LATENCY_S / CONCURRENCY, 2
                ),
                f"vlm_served_images_per_s_{side_px}": round(images_per_s, 1),
                f"vlm_served_cpu_ms_{side_px}": round(cpu_ms, 1),
            }
    return {**figures, "vlm_served_memory_growth_mb": round(growth / 2**20, 1)}


def _run(dataset: Path, url: str) -> Run:
    """Return a run on a dataset of which nothing is captioned."""
    shutil.rmtree(dataset / ".capenh", ignore_errors=True)
    outside = Outside(environment=dict, progress=LineProgress(lambda line: None))
    options = Options(
        dataset_dir=str(dataset),
        vlm_base_url=url,
        model_id="slow",
        prompt="What is in the image?",
        concurrency=CONCURRENCY,
    )
    run = outside.open_run(options)
    build_image_manifest(run)
    return run


def _timed(run: Run) -> tuple[float, float]:
    """Caption a dataset, and return images/s and CPU milliseconds an image."""
    wall, cpu = time.perf_counter(), time.process_time()
    report = fill_vlm_captions(run, load=_never, before_load=lambda: None)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    assert (report.total("computed"), report.total("failed")) == (IMAGES, 0)
    return IMAGES / wall, 1000 * cpu / IMAGES


def _never(settings: object) -> None:
    raise AssertionError(f"a model was loaded: {settings}")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        json.dump(served_vlm(Path(temporary)), sys.stdout, indent=2)
    sys.stdout.write("\n")
