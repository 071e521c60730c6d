"""What has failed: every wanted caption that is not there, and why."""

import polars as pl

from capenh_pipeline.domain.recipes import Recipe
from capenh_pipeline.domain.schemas import (
    COMBINED_CAPTIONS,
    FAILED,
    IMAGE_MANIFEST,
    VLM_CAPTIONS,
    TableSchema,
)
from capenh_pipeline.stages.combined_captions import INPUTS, captions_to_combine, llm_choice
from capenh_pipeline.stages.incremental import rows_of_recipe
from capenh_pipeline.stages.manifest_rows import manifest_rows
from capenh_pipeline.stages.run import Run
from capenh_pipeline.stages.vlm_captions import vlm_choice

_REASON = ["error_kind", "error"]


def failures(run: Run) -> pl.DataFrame:
    """Return `path`, `stage`, `error_kind` and `error` of what failed, in path order.

    Only what the run's options want is looked at: failures of another recipe do not count.
    """
    images = manifest_rows(run)
    combinations = _failed(run, COMBINED_CAPTIONS, llm_choice(run).recipe, INPUTS).join(
        captions_to_combine(run), on=INPUTS, how="semi", nulls_equal=True
    )
    found = [
        _named(images.filter(pl.col("status") == FAILED), IMAGE_MANIFEST),
        _named(
            images.select("path", "image_hash").join(
                _failed(run, VLM_CAPTIONS, vlm_choice(run).recipe, ["image_hash"]), on="image_hash"
            ),
            VLM_CAPTIONS,
        ),
        _named(
            images.select("path", "image_hash", "manual_caption").join(
                combinations, on=["image_hash", "manual_caption"], nulls_equal=True
            ),
            COMBINED_CAPTIONS,
        ),
    ]
    return pl.concat(found).sort("path", "stage")


def _failed(run: Run, schema: TableSchema, recipe: Recipe, inputs: list[str]) -> pl.DataFrame:
    columns = [*inputs, "status", *_REASON]
    rows = rows_of_recipe(run, schema, recipe.hash, columns=columns)
    return rows.filter(pl.col("status") == FAILED)


def _named(rows: pl.DataFrame, schema: TableSchema) -> pl.DataFrame:
    return rows.select("path", pl.lit(schema.name).alias("stage"), *_REASON)
