"""The captions of a dataset, one row an image file: what the other tables say about it."""

from collections.abc import Sequence

import polars as pl

from capenh_pipeline.domain.schemas import COMBINED_CAPTIONS, OK
from capenh_pipeline.stages.combined_captions import (
    INPUTS,
    llm_choice,
    llm_recipes,
    with_requests,
)
from capenh_pipeline.stages.incremental import rows_of_recipes
from capenh_pipeline.stages.manifest_rows import manifest_rows
from capenh_pipeline.stages.run import Run


def captions(run: Run) -> pl.DataFrame:
    """Return `path`, `path_bytes`, `image_hash`, `manual_caption`, `vlm_captions` and `caption`.

    One row for each image of the run's shards that can be read, in path order. `vlm_captions` is
    a struct of the VLM captions by the names of their prompts. A VLM or combined caption of the
    run's recipes that is not there, or failed, is null; the combined one is of the manual and
    the VLM captions that stand beside it.
    """
    choice = llm_choice(run)
    images = manifest_rows(run).filter(pl.col("width").is_not_null())
    combined = _combined(run, [*llm_recipes(choice, images)])
    columns = ["path", "path_bytes", "image_hash", "manual_caption", "vlm_captions", "caption"]
    return (
        with_requests(run, images, choice)
        .join(combined, on=INPUTS, how="left", nulls_equal=True, maintain_order="left")
        .with_columns(pl.when(pl.col("status") == OK).then("caption").alias("caption"))
        .select(columns)
    )


def _combined(run: Run, recipes: Sequence[str]) -> pl.DataFrame:
    columns = [*INPUTS, "caption", "status"]
    rows = rows_of_recipes(run, COMBINED_CAPTIONS, recipes, columns=columns)
    return rows.filter(pl.col("status") == OK).drop("status")
