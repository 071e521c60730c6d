"""What a report says about each image: its texts, its scores, and what went wrong."""

import polars as pl

from capenh_pipeline.domain.schemas import (
    COMBINED_CAPTIONS,
    FAILED,
    IMAGE_MANIFEST,
    OK,
    VLM_CAPTIONS,
)
from capenh_pipeline.report.sources import Sources
from capenh_pipeline.stages.combined_captions import INPUTS, with_requests
from capenh_pipeline.stages.incremental import rows_of_recipes
from capenh_pipeline.stages.run import Run

WAITING = "waiting"
"""State of an image whose captions nobody has made yet; the others are those of a row."""

_REASON = ["error_kind", "error"]
_SAID = ["caption", "status", *_REASON, "fallback", "retention", "support"]
_STAGES = {
    IMAGE_MANIFEST.name: "",
    VLM_CAPTIONS.name: "_vlm",
    COMBINED_CAPTIONS.name: "_combined",
}
"""Where an image can fail, and the end of the names of the columns that say so, in order."""


def report_rows(run: Run, images: pl.DataFrame, sources: Sources) -> pl.DataFrame:
    """Return one row for each image file, in path order.

    The columns of the manifest, and `seen` (a struct of the VLM captions by the names of their
    prompts), `caption`, `fallback`, `retention`, `support`; `state` (`OK`, `FAILED` or `WAITING`),
    and where something went wrong `stage`, `error_kind` and `error`.

    Args:
        run: over all shards.
        images: rows of `manifest_rows`.
        sources: whose captions.
    """
    seen = _with_seen(run, images, sources)
    rows = _with_combined(run, seen, sources)
    is_failed = {stage: pl.col(f"status{end}") == FAILED for stage, end in _STAGES.items()}
    is_ok = pl.col("status_combined") == OK
    columns = {name: _first(is_failed, name, otherwise=f"{name}_combined") for name in _REASON}
    stage = pl.coalesce(pl.when(failed).then(pl.lit(name)) for name, failed in is_failed.items())
    return rows.with_columns(
        state=pl.when(stage.is_not_null())
        .then(pl.lit(FAILED))
        .otherwise(pl.when(is_ok).then(pl.lit(OK)).otherwise(pl.lit(WAITING))),
        stage=stage,
        caption=pl.when(is_ok).then("caption"),
        **columns,
    )


def _first(is_failed: dict[str, pl.Expr], name: str, *, otherwise: str) -> pl.Expr:
    """Return a column of the first stage that failed."""
    found = [pl.when(failed).then(f"{name}{_STAGES[stage]}") for stage, failed in is_failed.items()]
    return pl.coalesce(*found, pl.col(otherwise))


def _with_seen(run: Run, images: pl.DataFrame, sources: Sources) -> pl.DataFrame:
    asked = sources.asked
    columns = ["image_hash", "recipe_hash", "caption", "status", *_REASON]
    recipes = asked["recipe_hash"].unique().to_list()
    said = rows_of_recipes(run, VLM_CAPTIONS, recipes, columns=columns).join(
        asked, on="recipe_hash"
    )
    by_name = [
        pl.col("caption").filter(pl.col("name") == name).first().alias(name)
        for name in asked["name"].unique(maintain_order=True)
    ]
    failed = pl.col("status") == FAILED
    by_image = said.group_by("image_hash", "vlm_prompt").agg(
        pl.struct(by_name).alias("seen"),
        pl.when(failed.any()).then(pl.lit(FAILED)).otherwise(pl.lit(OK)).alias("status_vlm"),
        *(pl.col(name).filter(failed).first().alias(f"{name}_vlm") for name in _REASON),
    )
    key = ["image_hash", "vlm_prompt"]
    return images.join(by_image, on=key, how="left", nulls_equal=True, maintain_order="left")


def _with_combined(run: Run, images: pl.DataFrame, sources: Sources) -> pl.DataFrame:
    on = ["image_hash", "manual_caption"] if sources.llm is None else INPUTS
    if sources.llm:
        images = with_requests(run, images, sources.llm)
    columns = list(dict.fromkeys([*on, *_SAID, "created_at"]))
    said = rows_of_recipes(run, COMBINED_CAPTIONS, sources.combined, columns=columns)
    newest = said.sort("created_at").unique(on, keep="last").drop("created_at")
    named = newest.rename({name: f"{name}_combined" for name in ("status", *_REASON)})
    return images.join(named, on=on, how="left", nulls_equal=True, maintain_order="left")
