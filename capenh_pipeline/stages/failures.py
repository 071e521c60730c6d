"""What has failed: every wanted caption that is not there, and why."""

from collections.abc import Sequence

import polars as pl

from capenh_pipeline.domain.schemas import (
    COMBINED_CAPTIONS,
    FAILED,
    IMAGE_MANIFEST,
    VLM_CAPTIONS,
    TableSchema,
)
from capenh_pipeline.stages.combined_captions import INPUTS, captions_to_combine, llm_choice
from capenh_pipeline.stages.incremental import rows_of_recipes
from capenh_pipeline.stages.manifest_rows import manifest_rows
from capenh_pipeline.stages.run import Run
from capenh_pipeline.stages.vlm_captions import vlm_choice

_REASON = ["error_kind", "error"]


def failures(run: Run) -> pl.DataFrame:
    """Return `path`, `stage`, `error_kind` and `error` of what failed, in path order.

    Only what the run's options want is looked at: failures of another recipe do not count. Where
    the VLM has several prompts, `error` ends with the names of those that failed that way.
    """
    images = manifest_rows(run)
    found = [
        _named(images.filter(pl.col("status") == FAILED), IMAGE_MANIFEST),
        _named(
            images.select("path", "image_hash").join(_failed_to_see(run), on="image_hash"),
            VLM_CAPTIONS,
        ),
        _named(
            images.select("path", "image_hash", "manual_caption").join(
                _failed_to_combine(run), on=["image_hash", "manual_caption"], nulls_equal=True
            ),
            COMBINED_CAPTIONS,
        ),
    ]
    return pl.concat(found).sort("path", "stage")


def _failed_to_see(run: Run) -> pl.DataFrame:
    asked = vlm_choice(run).prompts
    recipes = [one.recipe.hash for one in asked]
    failed = _failed(run, VLM_CAPTIONS, recipes, ["image_hash", "recipe_hash"])
    if len(asked) == 1:
        return failed
    names = pl.DataFrame({"recipe_hash": recipes, "name": [one.prompt.name for one in asked]})
    named = names.join(failed, on="recipe_hash", maintain_order="left")
    alike = named.group_by("image_hash", *_REASON, maintain_order=True).agg("name")
    return alike.with_columns(
        error=pl.format("{} (prompt: {})", "error", pl.col("name").list.join(", "))
    )


def _failed_to_combine(run: Run) -> pl.DataFrame:
    failed = _failed(run, COMBINED_CAPTIONS, [llm_choice(run).recipe.hash], INPUTS)
    return failed.join(captions_to_combine(run), on=INPUTS, how="semi", nulls_equal=True)


def _failed(
    run: Run, schema: TableSchema, recipes: Sequence[str], inputs: Sequence[str]
) -> pl.DataFrame:
    rows = rows_of_recipes(run, schema, recipes, columns=[*inputs, "status", *_REASON])
    return rows.filter(pl.col("status") == FAILED)


def _named(rows: pl.DataFrame, schema: TableSchema) -> pl.DataFrame:
    return rows.select("path", pl.lit(schema.name).alias("stage"), *_REASON)
