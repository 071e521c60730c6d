"""What the VLM said about each image: the captions of all prompts side by side."""

import json
from collections.abc import Sequence

import polars as pl

from capenh_pipeline.domain.schemas import OK, VLM_CAPTIONS
from capenh_pipeline.domain.vlm_prompts import VlmPrompt, prompts_for_llm, vlm_prompts
from capenh_pipeline.stages.incremental import rows_of_recipes
from capenh_pipeline.stages.run import Run
from capenh_pipeline.stages.vlm_captions import vlm_choice

NAMELESS = "caption"
"""What the captions of one prompt without a name are called in a frame."""


def seen_captions(run: Run) -> pl.DataFrame:
    """Return `image_hash` and `vlm_captions` of the run's shards.

    `vlm_captions` is a struct of the captions by the names of their prompts, in the order of the
    prompts; one that is not there, or failed, is null.
    """
    recipes = {_name(asked.prompt): asked.recipe.hash for asked in vlm_choice(run).prompts}
    columns = ["image_hash", "recipe_hash", "status", "caption"]
    rows = rows_of_recipes(run, VLM_CAPTIONS, [*recipes.values()], columns=columns)
    good = rows.filter(pl.col("status") == OK)
    captions = [
        pl.col("caption").filter(pl.col("recipe_hash") == recipe).first().alias(name)
        for name, recipe in recipes.items()
    ]
    return good.group_by("image_hash").agg(pl.struct(captions).alias("vlm_captions"))


def told_prompts(run: Run) -> tuple[VlmPrompt, ...]:
    """Return the prompts whose captions the LLM is told."""
    return prompts_for_llm(vlm_prompts(run.options.prompt), run.options.llm_captions)


def told_captions(prompts: Sequence[VlmPrompt]) -> pl.Expr:
    """Return what the LLM is told of `vlm_captions`, as the table of its answers keeps it.

    The caption of one prompt is its text; those of several are a JSON object of the texts by
    name, in the order of the prompts. It is null where one of them is.
    """
    captions = [pl.col("vlm_captions").struct.field(_name(prompt)) for prompt in prompts]
    if len(captions) == 1:
        return captions[0]
    all_there = pl.all_horizontal(caption.is_not_null() for caption in captions)
    return pl.when(all_there).then(pl.struct(captions).struct.json_encode())


def named_captions(prompts: Sequence[VlmPrompt], told: str) -> list[tuple[str | None, str]]:
    """Return a text of `told_captions` as the names and captions that `user_message` takes."""
    return [(None, told)] if len(prompts) == 1 else [*json.loads(told).items()]


def _name(prompt: VlmPrompt) -> str:
    return prompt.name or NAMELESS
