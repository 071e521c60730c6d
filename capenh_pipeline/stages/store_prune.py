"""Rows that nobody wants any more: which they are, and how they go."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import polars as pl

from capenh_pipeline.domain.schemas import (
    CAPTION_FILES,
    COMBINED_CAPTIONS,
    IMAGE_MANIFEST,
    SCAN_INDEX,
    VLM_CAPTIONS,
)
from capenh_pipeline.errors import DatasetError, StoreError
from capenh_pipeline.stages.run import Run
from capenh_pipeline.stages.store_check import gone_files, holds_images
from capenh_pipeline.stages.store_recipes import CAPTION_TABLES, Wanted, recipes_of
from capenh_pipeline.tables.parts import list_parts
from capenh_pipeline.tables.reshard import has_leftover_rows
from capenh_pipeline.tables.sizes import bytes_of
from capenh_pipeline.tables.table import Table

_TIMES = {CAPTION_FILES.name: "written_at"}
"""When a row about a file was made, where there is such a column; the scan index has none."""

RECIPE, IMAGE, FILE = "recipe", "image", "file"
"""Why a row is not wanted: its recipe, its image that left the dataset, its file that is gone."""


@dataclass(frozen=True)
class Pruning:
    """Which rows go.

    Attributes:
        want: what the options want.
        before: only rows that were made before that go, and none whose time is not known; None:
            of any age.
    """

    want: Wanted
    before: datetime | None

    @property
    def unread_images(self) -> int:
        """Files whose bytes could not be read: while there are any, rows of no image go.

        They may be theirs, as nobody knows the hashes of these files.
        """
        return self.want.images["image_hash"].null_count()


class Unwanted(NamedTuple):
    """How many rows of a table go for one reason.

    Attributes:
        reason: `RECIPE`, `IMAGE` or `FILE`.
        recipe_hash: of the recipe that is not wanted, else None.
        size_bytes: about so many on the disk.
    """

    table: str
    reason: str
    recipe_hash: str | None
    rows: int
    size_bytes: float


def check_pruning(run: Run, want: Wanted) -> None:
    """Make sure that it can be told what is wanted, and that what is deleted stays so.

    Raises:
        StoreError: the manifest has no image, the options want no recipe that there is, or a
            reshard was stopped.
        DatasetError: none of the images is there.
    """
    if has_leftover_rows(run.store):
        raise StoreError(
            f"A reshard of {run.store.root} was stopped, and what it has left would bring back "
            f"deleted rows; end it first: the same reshard again, or capenh store check --repair."
        )
    if want.images.is_empty():
        raise StoreError(
            f"The manifest of {run.store.root} has no image, so nothing says which captions are "
            f"wanted; run capenh enhance first."
        )
    if not holds_images(run):
        raise DatasetError(
            f"None of the {want.images.height} images of the store is in {run.dataset}, so nothing "
            f"is deleted; is the drive mounted, and the folder the right one?"
        )
    for name in CAPTION_TABLES:
        recipes = recipes_of(run, name)["recipe_hash"]
        if recipes.len() and not set(recipes) & set(want.recipes[name]):
            raise StoreError(
                f"Every row of {name} would go, because these options want other ones; give the "
                f"options of your runs, or run capenh enhance with these first."
            )


def unwanted_rows(run: Run, pruning: Pruning) -> list[Unwanted]:
    """Return what there is to delete, by table and reason; nothing is deleted.

    Raises:
        StoreError: a part cannot be read, or a shard of the manifest is missing.
    """
    found = []
    for table, key, rows in _unwanted(run, pruning):
        shard = table.shard(key)
        all_rows = table.read([key], columns=table.schema.key).height
        row_bytes = bytes_of(list_parts(shard.folder)) / all_rows
        counts = rows.group_by("reason", "unwanted_recipe").len()
        found += [
            Unwanted(table.schema.name, reason, recipe, count, count * row_bytes)
            for reason, recipe, count in counts.iter_rows()
        ]
    if not found:
        return []
    frame = pl.DataFrame(found, schema=Unwanted._fields, orient="row", infer_schema_length=None)
    by = ["table", "reason", "recipe_hash"]
    together = frame.group_by(by, maintain_order=True).agg(pl.col("rows", "size_bytes").sum())
    return [Unwanted(*row) for row in together.iter_rows()]


def delete_unwanted_rows(run: Run, pruning: Pruning) -> int:
    """Delete what `unwanted_rows` counts, and return how many rows that were.

    Stopped anywhere, every wanted row is there, and another call deletes the rest.

    Raises:
        StoreError: a part cannot be read, or the disk cannot be written.
    """
    deleted = 0
    for table, _, rows in _unwanted(run, pruning):
        table.delete(rows)
        deleted += rows.height
    return deleted


def _unwanted(run: Run, pruning: Pruning) -> Iterator[tuple[Table, str, pl.DataFrame]]:
    """Yield the rows that go of each shard that has any: key, `reason` and `unwanted_recipe`."""
    for schema in (VLM_CAPTIONS, COMBINED_CAPTIONS, CAPTION_FILES, SCAN_INDEX):
        table = run.store.table(schema)
        for key in table.shards():
            is_caption = schema.name in CAPTION_TABLES
            rows = _of_captions(run, table, key, pruning) if is_caption else _gone(run, table, key)
            if pruning.before is not None:
                rows = rows.filter(pl.col("made") < pruning.before)
            if rows.height:
                yield table, key, rows


def _of_captions(run: Run, table: Table, key: str, pruning: Pruning) -> pl.DataFrame:
    manifest, recipes = run.store.table(IMAGE_MANIFEST), pruning.want.recipes[table.schema.name]
    rows = table.read([key], columns=[*table.schema.key, "recipe_hash", "created_at"])
    if rows.height and not manifest.shard(key).visible_parts():
        raise StoreError(
            f"{manifest.shard(key).folder} is missing, so nothing says which captions are wanted; "
            f"run capenh enhance first."
        )
    images = manifest.read([key], columns=["image_hash"])["image_hash"].drop_nulls()
    is_recipe = pl.col("recipe_hash").is_in(recipes)
    rows = rows.with_columns(
        made="created_at",
        reason=pl.when(is_recipe).then(pl.lit(IMAGE)).otherwise(pl.lit(RECIPE)),
        unwanted_recipe=pl.when(~is_recipe).then("recipe_hash"),
    )
    is_there = pl.col("image_hash").is_in(images.implode()) | pl.lit(pruning.unread_images > 0)
    return rows.filter(~(is_recipe & is_there))


def _gone(run: Run, table: Table, key: str) -> pl.DataFrame:
    time = _TIMES.get(table.schema.name)
    columns = ["path", "path_bytes", "path_hash", *([time] if time else [])]
    rows = gone_files(run, table.read([key], columns=columns))
    made = pl.col(time) if time else pl.lit(None, pl.Datetime("us", "UTC"))
    return rows.with_columns(
        made=made, reason=pl.lit(FILE), unwanted_recipe=pl.lit(None, pl.String)
    )
