"""A dataset of any size with a complete store, made in seconds: rows are made up, not computed."""

import hashlib
import io
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
from PIL import Image

from capenh_pipeline.defs.resources import Outside
from capenh_pipeline.demo.checkpoints import FLORENCE_FOLDER
from capenh_pipeline.domain.options import Options
from capenh_pipeline.domain.paths import path_hash
from capenh_pipeline.domain.recipes import request_hash
from capenh_pipeline.domain.schemas import (
    CAPTION_FILES,
    COMBINED_CAPTIONS,
    IMAGE_MANIFEST,
    SCAN_INDEX,
    VLM_CAPTIONS,
)
from capenh_pipeline.stages.combined_captions import llm_choice
from capenh_pipeline.stages.image_manifest import build_image_manifest
from capenh_pipeline.stages.progress import LineProgress
from capenh_pipeline.stages.run import Run
from capenh_pipeline.stages.scanning import list_files
from capenh_pipeline.stages.vlm_captions import vlm_choice

OPTIONS = {
    "model_id": str(FLORENCE_FOLDER),
    "base_url": "http://127.0.0.1:9/v1",
    "model": "never-asked",
    "recursive": True,
}
IMAGES_A_FOLDER = 1000
_CAPTION = "A picture with the number {} in the upper left corner, on a wall of red bricks."
_NOW = datetime(2026, 1, 1, tzinfo=UTC)


def open_run(dataset: Path, **options: object) -> Run:
    """Return a run over a dataset that `make_dataset` has made."""
    outside = Outside(environment=dict, progress=LineProgress(lambda line: None))
    values = {"dataset_dir": str(dataset), **OPTIONS, **options}
    return outside.open_run(Options(**values), run_id="bench")


def make_dataset(dataset: Path, images: int, **options: object) -> Run:
    """Make that many images with a combined caption file each, and a store that has all of them.

    The images are one PNG with a number after its end, so that each has a hash of its own.
    """
    make_images(dataset, images)
    run = open_run(dataset, **options)
    _append_index(run)
    build_image_manifest(run)
    hashes = run.store.table(IMAGE_MANIFEST).read(columns=["image_hash", "path"]).sort("path")
    captions = [_CAPTION.format(number) for number in range(images)]
    rows = hashes.with_columns(pl.Series("caption", captions))
    _append_captions(run, rows)
    _append_files(run, rows)
    return run


def make_images(dataset: Path, images: int) -> None:
    """Write the images alone."""
    content = _png()
    for folder, numbers in _folders(images):
        (dataset / folder).mkdir(parents=True)
        for number in numbers:
            _write(f"{dataset}/{_name(number)}.png", content + number.to_bytes(8))


def _folders(images: int) -> Iterator[tuple[str, range]]:
    for first in range(0, images, IMAGES_A_FOLDER):
        yield f"{first // IMAGES_A_FOLDER:05}", range(first, min(images, first + IMAGES_A_FOLDER))


def _name(number: int) -> str:
    return f"{number // IMAGES_A_FOLDER:05}/{number:08}"


def _png() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (16, 16), "teal").save(file, "PNG")
    return file.getvalue()


def _write(path: str, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    os.write(descriptor, content)
    os.close(descriptor)


def _append_index(run: Run) -> None:
    files, content = list_files(run, None).images(), _png()
    count = range(files.height)
    rows = files.with_columns(
        pl.Series("path_hash", [path_hash(path, None) for path in files["path"]]),
        pl.Series("image_hash", [_sha256(content + number.to_bytes(8)) for number in count]),
        width=pl.lit(16, pl.Int32),
        height=pl.lit(16, pl.Int32),
        format=pl.lit("PNG"),
        status=pl.lit("ok"),
        is_racy=pl.lit(value=False),
    )
    run.store.table(SCAN_INDEX).append(rows)


def _append_captions(run: Run, rows: pl.DataFrame) -> None:
    recipe = vlm_choice(run).prompts[0].recipe.hash
    stamp = {"status": pl.lit("ok"), "run_id": pl.lit("made-up"), "created_at": pl.lit(_NOW)}
    seen = rows.select("image_hash", "caption", recipe_hash=pl.lit(recipe), **stamp)
    run.store.table(VLM_CAPTIONS).append(seen)
    recipe = llm_choice(run).recipe.hash
    requests = [request_hash(recipe, None, [(None, caption)]) for caption in rows["caption"]]
    combined = seen.with_columns(
        pl.Series("request_hash", requests),
        vlm_caption=pl.col("caption"),
        recipe_hash=pl.lit(recipe),
        retention=pl.lit(1.0),
        support=pl.lit(1.0),
    )
    run.store.table(COMBINED_CAPTIONS).append(combined)


def _append_files(run: Run, rows: pl.DataFrame) -> None:
    for path, caption in rows.select("path", "caption").iter_rows():
        _write(f"{run.dataset}/{path[:-4]}_combined.txt", f"{caption}\n".encode())
    texts = list_files(run, None).texts()
    ledger = texts.with_columns(
        rows["image_hash"],
        rows["path"].alias("image_path"),
        pl.Series("path_hash", [path_hash(path, None) for path in texts["path"]]),
        pl.Series(
            "content_hash", [_sha256(f"{caption}\n".encode()) for caption in rows["caption"]]
        ),
        kind=pl.lit("combined"),
        written_at=pl.lit(_NOW),
        run_id=pl.lit("made-up"),
    )
    run.store.table(CAPTION_FILES).append(ledger)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
