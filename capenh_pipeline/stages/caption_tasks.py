"""What a run has to caption, in the order in which its files are best read."""

from collections.abc import Iterator, Sequence

import polars as pl

from capenh_pipeline.buckets import Buckets, together
from capenh_pipeline.dataset.scan import file_path
from capenh_pipeline.domain.schemas import IMAGE_MANIFEST
from capenh_pipeline.stages.caption_jobs import Task
from capenh_pipeline.stages.image_reader import ImageFile
from capenh_pipeline.stages.incremental import Missing
from capenh_pipeline.stages.manifest_rows import manifest_rows
from capenh_pipeline.stages.run import Run

_FILE = ("image_hash", "path", "path_bytes", "width", "height", "format")
_WANTED = {
    **{name: IMAGE_MANIFEST.columns[name] for name in _FILE},
    "prompts": pl.List(pl.Int64),
}

_BUCKETS = 64
_LAST = r"[^/]{0,4}\.[^/.]*$"
"""Of a path: by what is left without it, 10,000 rows of a table (`x/000012.jpg`) come together."""


def openable(run: Run) -> pl.DataFrame:
    """Return the rows of `manifest_rows` whose images can be opened."""
    return manifest_rows(run).filter(pl.col("width").is_not_null())


def tasks_of(run: Run, absent: Missing, recipes: Sequence[str]) -> Iterator[Task]:
    """Yield an image for each distinct content that is missing, and the prompts that it is for.

    They come shard by shard, in path order: so few parts are written. But each shard has images of
    every table, and of a table a group of rows is decoded for one of them. With tables, those of
    all shards are put together first, and come in portions that fit into memory.

    Args:
        run: what to do.
        absent: the rows of the VLM captions that are missing.
        recipes: of the prompts, in their order.
    """
    by_shard = (_with_prompts(openable(shard), rows, recipes) for shard, rows in absent)
    for rows in _neighbours(run, by_shard) if run.layers.tables else by_shard:
        in_order = rows.sort("path").iter_rows()
        for image_hash, path, path_bytes, *facts, prompts in in_order:
            file = ImageFile(image_hash, file_path(run.dataset, path, path_bytes), *facts)
            yield Task(file, tuple(prompts))


def _neighbours(run: Run, by_shard: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    wanted = Buckets(_WANTED, _BUCKETS, folder=run.scratch)
    for rows in by_shard:
        wanted.add(rows, rows["path"].str.replace(_LAST, "").hash(0) % _BUCKETS)
    yield from map(wanted.read, together(wanted))


def _with_prompts(
    images: pl.DataFrame, absent: pl.DataFrame, recipes: Sequence[str]
) -> pl.DataFrame:
    """Return the first file of each distinct image that is missing, in the columns `_WANTED`."""
    places = {recipe: place for place, recipe in enumerate(recipes)}
    prompt = pl.col("recipe_hash").replace_strict(places, return_dtype=pl.Int64).sort()
    by_image = absent.group_by("image_hash").agg(prompt.alias("prompts"))
    first = images.unique("image_hash", keep="first", maintain_order=True).select(_FILE)
    return first.join(by_image, on="image_hash")
