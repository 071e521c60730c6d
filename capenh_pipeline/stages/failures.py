"""What has failed: every wanted caption that is not there, and why."""

from collections.abc import Sequence

import polars as pl

from capenh_pipeline.domain.schemas import (
    CAPTION_FILES,
    COMBINED_CAPTIONS,
    FAILED,
    IMAGE_MANIFEST,
    OK,
    VLM_CAPTIONS,
    TableSchema,
)
from capenh_pipeline.stages.combined_captions import (
    INPUTS,
    llm_choice,
    llm_recipes,
    with_requests,
)
from capenh_pipeline.stages.incremental import rows_of_recipes
from capenh_pipeline.stages.manifest_rows import manifest_rows
from capenh_pipeline.stages.run import Run
from capenh_pipeline.stages.unwritten_files import unwritten_files
from capenh_pipeline.stages.vlm_captions import asked_recipes, vlm_choice

_REASON = ["error_kind", "error"]

NO_FAILURES = pl.DataFrame(schema=dict.fromkeys(["path", "stage", *_REASON], pl.String))
"""What `failures` returns where nothing failed."""


def failures(run: Run) -> pl.DataFrame:
    """Return `path`, `stage`, `error_kind` and `error` of what failed, in path order.

    Only what the run's options want is looked at: failures of another recipe do not count. Where
    the VLM has several prompts, `error` ends with the names of those that failed that way.
    """
    images = manifest_rows(run)
    found = [
        _named(images.filter(pl.col("status") == FAILED), IMAGE_MANIFEST),
        _named(_failed_to_see(run, images), VLM_CAPTIONS),
        _named(_failed_to_combine(run, images), COMBINED_CAPTIONS),
        _named(_failed_to_write(run, images), CAPTION_FILES),
    ]
    return pl.concat(found).sort("path", "stage")


def _failed_to_see(run: Run, images: pl.DataFrame) -> pl.DataFrame:
    choice = vlm_choice(run, images)
    recipes = [asked.recipe.hash for asked in choice.all_prompts]
    rows = _failed(run, VLM_CAPTIONS, recipes, ["image_hash", "recipe_hash"])
    asked = asked_recipes(choice)
    failed = (
        images.select("path", "image_hash", "vlm_prompt")
        .join(asked, on="vlm_prompt", nulls_equal=True, maintain_order="left")
        .join(rows, on=["image_hash", "recipe_hash"], maintain_order="left")
    )
    if len(choice.prompts) == 1:
        return failed
    alike = failed.group_by("path", *_REASON, maintain_order=True).agg("name")
    return alike.with_columns(
        error=pl.format("{} (prompt: {})", "error", pl.col("name").list.join(", "))
    )


def _failed_to_combine(run: Run, images: pl.DataFrame) -> pl.DataFrame:
    choice = llm_choice(run)
    rows = _failed(run, COMBINED_CAPTIONS, [*llm_recipes(choice, images)], INPUTS)
    readable = images.filter(pl.col("status") == OK)
    requests = with_requests(run, readable, choice).select("path", *INPUTS)
    return requests.join(rows, on=INPUTS, nulls_equal=True)


def _failed_to_write(run: Run, images: pl.DataFrame) -> pl.DataFrame:
    unwritten = unwritten_files(run).join(images, on="path", how="semi")
    return unwritten.with_columns(error_kind=pl.lit("unwritten"))


def _failed(
    run: Run, schema: TableSchema, recipes: Sequence[str], inputs: Sequence[str]
) -> pl.DataFrame:
    rows = rows_of_recipes(run, schema, recipes, columns=[*inputs, "status", *_REASON])
    return rows.filter(pl.col("status") == FAILED)


def _named(rows: pl.DataFrame, schema: TableSchema) -> pl.DataFrame:
    return rows.select("path", pl.lit(schema.name).alias("stage"), *_REASON)
