"""Small pictures that a page carries, so that it shows something wherever it goes."""

import base64
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from io import BytesIO

import polars as pl

from capenh_pipeline.dataset.images import load_image
from capenh_pipeline.dataset.scan import file_path
from capenh_pipeline.dataset.time_limit import within
from capenh_pipeline.domain.options import Options
from capenh_pipeline.domain.schemas import FAILED
from capenh_pipeline.errors import RowError
from capenh_pipeline.places.place import Place
from capenh_pipeline.stages.run import Run

MOST_IMAGES = 500
"""Datasets of more images get none: their pages link to the image files alone."""

SIDE_PX = 128
_QUALITY = 50
_THREADS = 4


def thumbnails(run: Run, rows: pl.DataFrame) -> dict[str, str]:
    """Return WebP images in base64 by the hash of the image; none for a large dataset.

    An image that failed is left out: it may be what crashed a decoder.

    Args:
        run: its options say how long reading an image may take.
        rows: of `report_rows`.
    """
    if rows.height > MOST_IMAGES:
        return {}
    good = rows.filter((pl.col("state") != FAILED) & pl.col("width").is_not_null())
    files = good.unique("image_hash", maintain_order=True)
    todo = [
        (image_hash, file_path(run.dataset, path, path_bytes))
        for image_hash, path, path_bytes in files.select(
            "image_hash", "path", "path_bytes"
        ).iter_rows()
    ]
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="thumbnail") as pool:
        made = (
            list(pool.map(partial(_thumbnail, run.options), *zip(*todo, strict=True)))
            if todo
            else []
        )
    return {image_hash: text for (image_hash, _), text in zip(todo, made, strict=True) if text}


def _thumbnail(options: Options, image_hash: str, path: Place) -> str | None:
    try:
        return within(
            options.image_timeout_s,
            lambda: _drawn(path, image_hash, options.background),
        )
    except RowError:  # it is gone or has changed since: the page links to what is there
        return None


def _drawn(path: Place, image_hash: str, background: str) -> str:
    side = (SIDE_PX, SIDE_PX)
    image = load_image(path, image_hash=image_hash, background=background, enough_px=side)
    image.thumbnail(side)
    content = BytesIO()
    image.save(content, "WEBP", quality=_QUALITY)
    return base64.b64encode(content.getvalue()).decode()
