"""The captions of a dataset, one row an image file: what the other tables say about it."""

import polars as pl

from capenh_pipeline.domain.recipes import Recipe
from capenh_pipeline.domain.schemas import COMBINED_CAPTIONS, OK, VLM_CAPTIONS, TableSchema
from capenh_pipeline.stages.combined_captions import INPUTS, llm_choice
from capenh_pipeline.stages.incremental import rows_of_recipe
from capenh_pipeline.stages.manifest_rows import manifest_rows
from capenh_pipeline.stages.run import Run
from capenh_pipeline.stages.vlm_captions import vlm_choice


def captions(run: Run) -> pl.DataFrame:
    """Return `path`, `path_bytes`, `image_hash`, `manual_caption`, `vlm_caption` and `caption`.

    One row for each image of the run's shards that can be read, in path order. A VLM or combined
    caption of the run's recipes that is not there, or failed, is null; the combined one is of
    the manual and the VLM caption that stand beside it.
    """
    seen = _good(run, VLM_CAPTIONS, vlm_choice(run).recipe, ["image_hash"])
    combined = _good(run, COMBINED_CAPTIONS, llm_choice(run).recipe, INPUTS)
    return (
        manifest_rows(run)
        .filter(pl.col("width").is_not_null())
        .join(
            seen.select("image_hash", vlm_caption="caption"),
            on="image_hash",
            how="left",
            maintain_order="left",
        )
        .join(
            combined,
            on=INPUTS,
            how="left",
            nulls_equal=True,
            maintain_order="left",
        )
        .with_columns(pl.when(pl.col("status") == OK).then("caption").alias("caption"))
        .select("path", "path_bytes", "image_hash", "manual_caption", "vlm_caption", "caption")
    )


def _good(run: Run, schema: TableSchema, recipe: Recipe, inputs: list[str]) -> pl.DataFrame:
    columns = [*inputs, "caption", "status"]
    rows = rows_of_recipe(run, schema, recipe.hash, columns=columns)
    return rows.filter(pl.col("status") == OK).drop("status")
