"""What a run costs that finds everything there."""

import io
import subprocess
import sys
import time
from pathlib import Path

from PIL import Image

from capenh_pipeline.defs.resources import Outside
from capenh_pipeline.demo.checkpoints import FLORENCE_FOLDER
from capenh_pipeline.domain.options import Options
from capenh_pipeline.stages.caption_files import write_files
from capenh_pipeline.stages.combined_captions import fill_combined_captions
from capenh_pipeline.stages.image_manifest import build_image_manifest
from capenh_pipeline.stages.progress import LineProgress
from capenh_pipeline.stages.vlm_captions import fill_vlm_captions
from capenh_pipeline_tests.fakes.llm import EchoLlm
from capenh_pipeline_tests.fakes.vlm import ColourVlm

IMAGES = 10_000
_FLAGS = {
    "model_id": str(FLORENCE_FOLDER),
    "base_url": "http://127.0.0.1:9/v1",
    "model": "never-asked",
}


def nothing_to_do(folder: Path) -> dict[str, object]:
    """Return `noop_s_per_10k_images`: wall seconds of `capenh enhance` with nothing to do.

    The whole process on 10,000 image files, start, Dagster run and summary included; and the
    same on one image, which is what it costs whatever the size.
    """
    return {
        "noop_s_per_10k_images": _seconds(folder / "many", IMAGES),
        "noop_s_of_one_image": _seconds(folder / "one", 1),
    }


def _seconds(dataset: Path, images: int) -> float:
    _make_images(dataset, images)
    _caption(dataset)
    flags = [word for name, value in _FLAGS.items() for word in (f"--{name}", value)]
    command = [sys.executable, "-m", "capenh_pipeline", "enhance", "--dataset_dir", dataset, *flags]
    began = time.perf_counter()
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
    assert "Nothing to do" in done.stdout
    return round(time.perf_counter() - began, 2)


def _make_images(folder: Path, count: int) -> None:
    """Write distinct images fast: one PNG, with other bytes after its end."""
    folder.mkdir(parents=True)
    file = io.BytesIO()
    Image.new("RGB", (16, 16), "teal").save(file, "PNG")
    for number in range(count):
        (folder / f"{number:06}.png").write_bytes(file.getvalue() + number.to_bytes(4))
    time.sleep(2.1)  # younger files would be read again, as git's index does


def _caption(dataset: Path) -> None:
    outside = Outside(environment=dict, progress=LineProgress(lambda line: None))
    run = outside.open_run(Options(dataset_dir=str(dataset), **_FLAGS))
    build_image_manifest(run)
    fill_vlm_captions(run, load=ColourVlm, before_load=lambda: None)
    fill_combined_captions(run, connect=lambda choice: EchoLlm())
    write_files(run)
