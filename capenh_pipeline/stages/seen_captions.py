"""What the VLM said about each image: the captions of all prompts side by side."""

import json
from collections.abc import Sequence

import polars as pl

from capenh_pipeline.domain.schemas import OK, VLM_CAPTIONS
from capenh_pipeline.domain.vlm_prompts import VlmPrompt, prompts_for_llm, vlm_prompts
from capenh_pipeline.stages.incremental import rows_of_recipes
from capenh_pipeline.stages.run import Run
from capenh_pipeline.stages.vlm_captions import asked_recipes, prompt_name, vlm_choice


def seen_captions(run: Run, images: pl.DataFrame) -> pl.DataFrame:
    """Return `images` with a column `vlm_captions`, in the same order.

    It is a struct of the captions by the names of their prompts, in the order of the prompts; one
    that is not there, or failed, is null.

    Args:
        run: its options name the VLM.
        images: rows of `manifest_rows`.
    """
    asked = asked_recipes(vlm_choice(run, images))
    recipes = asked["recipe_hash"].unique().to_list()
    columns = ["image_hash", "recipe_hash", "status", "caption"]
    rows = rows_of_recipes(run, VLM_CAPTIONS, recipes, columns=columns)
    said = rows.filter(pl.col("status") == OK).join(asked, on="recipe_hash")
    captions = [
        pl.col("caption").filter(pl.col("name") == name).first().alias(name)
        for name in asked["name"].unique(maintain_order=True)
    ]
    by_image = said.group_by("image_hash", "vlm_prompt").agg(
        pl.struct(captions).alias("vlm_captions")
    )
    return images.join(
        by_image,
        on=["image_hash", "vlm_prompt"],
        how="left",
        nulls_equal=True,
        maintain_order="left",
    )


def told_prompts(run: Run) -> tuple[VlmPrompt, ...]:
    """Return the prompts whose captions the LLM is told."""
    return prompts_for_llm(vlm_prompts(run.options.prompt), run.options.llm_captions)


def told_captions(prompts: Sequence[VlmPrompt]) -> pl.Expr:
    """Return what the LLM is told of `vlm_captions`, as the table of its answers keeps it.

    The caption of one prompt is its text; those of several are a JSON object of the texts by
    name, in the order of the prompts. It is null where one of them is.
    """
    captions = [pl.col("vlm_captions").struct.field(prompt_name(prompt)) for prompt in prompts]
    if len(captions) == 1:
        return captions[0]
    all_there = pl.all_horizontal(caption.is_not_null() for caption in captions)
    return pl.when(all_there).then(pl.struct(captions).struct.json_encode())


def named_captions(prompts: Sequence[VlmPrompt], told: str) -> list[tuple[str | None, str]]:
    """Return a text of `told_captions` as the names and captions that `user_message` takes."""
    return [(None, told)] if len(prompts) == 1 else [*json.loads(told).items()]
