"""The recipes of a store's captions: which there are, and which of them the options want."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import polars as pl

from capenh_pipeline.domain.schemas import COMBINED_CAPTIONS, FAILED, OK, VLM_CAPTIONS, TableSchema
from capenh_pipeline.domain.shards import HEX_DIGITS
from capenh_pipeline.models.choice import LlmChoice, VlmChoice
from capenh_pipeline.stages.combined_captions import (
    INPUTS,
    captions_to_combine,
    llm_choice,
    llm_recipes,
    with_requests,
)
from capenh_pipeline.stages.incremental import missing_rows
from capenh_pipeline.stages.manifest_rows import manifest_rows
from capenh_pipeline.stages.run import Run
from capenh_pipeline.stages.vlm_captions import captions_to_make, vlm_choice

CAPTION_TABLES = {
    VLM_CAPTIONS.name: (VLM_CAPTIONS, "model_id", "prompt"),
    COMBINED_CAPTIONS.name: (COMBINED_CAPTIONS, "model", "system_prompt"),
}
"""The tables that have recipes, each with its columns of what people know a recipe by."""


@dataclass(frozen=True)
class Wanted:
    """What the options of a run want.

    Attributes:
        images: rows of `manifest_rows`.
        vlm: the VLM.
        llm: the LLM.
    """

    images: pl.DataFrame
    vlm: VlmChoice
    llm: LlmChoice

    @property
    def recipes(self) -> Mapping[str, list[str]]:
        """Hashes of the wanted recipes, by table."""
        return {
            VLM_CAPTIONS.name: [asked.recipe.hash for asked in self.vlm.all_prompts],
            COMBINED_CAPTIONS.name: [*llm_recipes(self.llm, self.images)],
        }


def wanted(run: Run) -> Wanted:
    """Return what the options of a run want; no model is loaded and no server is asked.

    Raises:
        CapenhError: that cannot be told, because a model or a prompt is not there.
    """
    images = manifest_rows(run)
    return Wanted(images, vlm_choice(run, images), llm_choice(run))


def recipes_of(run: Run, table: str) -> pl.DataFrame:
    """Return the recipes that a table of captions has rows of, the newest first.

    `recipe_hash`, `model`, `prompt`, `rows`, `failed`, and `newest` (when its last row was made).
    """
    schema, model, prompt = CAPTION_TABLES[table]
    rows = run.store.table(schema)
    columns = ["recipe_hash", model, prompt, "status", "created_at"]
    by_shard = [
        rows.read(shards, columns=columns)
        .group_by("recipe_hash")
        .agg(
            pl.col(model).first().alias("model"),
            pl.col(prompt).first().alias("prompt"),
            pl.len().alias("rows"),
            (pl.col("status") == FAILED).sum().alias("failed"),
            pl.col("created_at").max().alias("newest"),
        )
        for shards in ([], *([key] for key in rows.shards()))
    ]
    together = pl.concat(by_shard).group_by("recipe_hash")
    return together.agg(
        pl.col("model", "prompt").first(), pl.col("rows", "failed").sum(), pl.col("newest").max()
    ).sort("newest", "recipe_hash", descending=[True, False], nulls_last=True)


def shares_there(run: Run, want: Wanted) -> dict[str, tuple[int, int]]:
    """Return how many of the wanted rows of each table of captions are there, and how many all are.

    A combined caption is wanted of every image that can be read, before its VLM caption is there.
    """
    counts = dict.fromkeys(CAPTION_TABLES, (0, 0))
    for first in HEX_DIGITS:  # a sixteenth at a time, so that memory does not grow with all
        shards = [key for key in run.shards if key.startswith(first)]
        images = want.images.filter(pl.col("shard_hash").str.starts_with(first))
        some = _shares(replace(run, shards=shards), replace(want, images=images))
        counts = {
            table: (there + some[table][0], count + some[table][1])
            for table, (there, count) in counts.items()
        }
    return counts


def _shares(run: Run, want: Wanted) -> dict[str, tuple[int, int]]:
    to_make = captions_to_make(want.images.filter(pl.col("width").is_not_null()), want.vlm)
    to_combine = captions_to_combine(run, want.images, want.llm)
    requests = with_requests(run, want.images.filter(pl.col("status") == OK), want.llm)
    return {
        VLM_CAPTIONS.name: (
            _there(run, VLM_CAPTIONS, to_make, want.recipes[VLM_CAPTIONS.name]),
            to_make.height,
        ),
        COMBINED_CAPTIONS.name: (
            _there(run, COMBINED_CAPTIONS, to_combine, want.recipes[COMBINED_CAPTIONS.name]),
            requests.select(INPUTS).n_unique(),
        ),
    }


def _there(run: Run, schema: TableSchema, rows: pl.DataFrame, recipes: list[str]) -> int:
    return rows.height - missing_rows(run, schema, rows, recipe_hashes=recipes).height
