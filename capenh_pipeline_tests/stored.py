"""A dataset with a whole store, made in a moment by models that answer at once."""

from pathlib import Path
from typing import Any

from capenh_pipeline.cli import main
from capenh_pipeline.defs.resources import Outside
from capenh_pipeline.domain.options import Options
from capenh_pipeline.stages.caption_files import write_files
from capenh_pipeline.stages.combined_captions import fill_combined_captions
from capenh_pipeline.stages.image_manifest import build_image_manifest
from capenh_pipeline.stages.progress import LineProgress
from capenh_pipeline.stages.run import Report, Run
from capenh_pipeline.stages.vlm_captions import fill_vlm_captions
from capenh_pipeline_tests.fakes.llm import EchoLlm
from capenh_pipeline_tests.fakes.vlm import ColourVlm
from capenh_pipeline_tests.images import colour

COMMIT = "0123456789" * 4
OPTIONS = {
    "model_id": "capenh/colour",
    "revision": COMMIT,  # a commit is known without asking the hub
    "base_url": "http://127.0.0.1:9/v1",
    "model": "echo",
    "recursive": True,
}
"""What the captions are made with; nothing of it is there, so nothing can be asked or loaded."""

IMAGES = 6


def draw_images(dataset: Path, images: int = IMAGES) -> None:
    """Draw images of different colours, every third with a manual caption, and one that fails."""
    for number in range(images):
        folder = dataset / ("sub" if number % 4 == 3 else "")
        colour(folder / f"{number:02}.png", (number, 0, 0))
        if number % 3 == 0:
            (folder / f"{number:02}.txt").write_text(f"my picture {number}")
    (dataset / "broken.jpg").write_bytes(b"not an image")


def opened(dataset: Path, *, run_id: str = "test", **options: Any) -> Run:
    """Open a run on a dataset."""
    outside = Outside(environment=dict, progress=LineProgress(lambda line: None))
    values = {**OPTIONS, "dataset_dir": str(dataset), **options}
    return outside.open_run(Options(**values), run_id=run_id)


def caption(dataset: Path, **options: Any) -> dict[str, Report]:
    """Do all stages of a run and return their reports by table."""
    run = opened(dataset, **options)
    return {
        "image_manifest": build_image_manifest(run),
        "vlm_captions": fill_vlm_captions(run, load=ColourVlm, before_load=lambda: None),
        "combined_captions": fill_combined_captions(run, connect=lambda choice: EchoLlm()),
        "caption_files": write_files(run),
    }


def store_command(dataset: Path, *words: object, **options: Any) -> int:
    """Do `capenh store WORDS` on a dataset, and return the exit code."""
    flags = {**OPTIONS, "dataset_dir": dataset, **options}
    given = [str(word) for name, value in flags.items() for word in (f"--{name}", value)]
    return main(["store", *map(str, words), *given])
