"""Which recipes a report shows: those that the options want, or else the newest of the store."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from capenh_pipeline.domain.schemas import COMBINED_CAPTIONS, VLM_CAPTIONS
from capenh_pipeline.errors import CapenhError
from capenh_pipeline.models.choice import LlmChoice
from capenh_pipeline.stages.combined_captions import llm_choice, llm_recipes
from capenh_pipeline.stages.run import Run
from capenh_pipeline.stages.store_recipes import recipes_of
from capenh_pipeline.stages.vlm_captions import asked_recipes, vlm_choice


@dataclass(frozen=True)
class Sources:
    """The recipes of a report.

    Attributes:
        asked: as of `asked_recipes`: which VLM captions belong to an image, by its folder's prompt.
        llm: the LLM, if its captions are those that the options want; else None.
        combined: recipes of the combined captions.
        shown: a line about each recipe, for people.
        note: why they are not those that the options want; empty where they are.
    """

    asked: pl.DataFrame
    llm: LlmChoice | None
    combined: Sequence[str]
    shown: Sequence[str]
    note: str = ""


def sources_of(run: Run, images: pl.DataFrame) -> Sources:
    """Return the recipes to show.

    A report is often asked for without the options of the run, so that they name captions of
    which there is not one: then it is of the newest recipes, and says so.

    Args:
        run: its options want some captions; no model is loaded and no server is asked.
        images: rows of `manifest_rows`.
    """
    stored = {name: recipes_of(run, name) for name in (VLM_CAPTIONS.name, COMBINED_CAPTIONS.name)}
    seen, combined = (rows["recipe_hash"].to_list() for rows in stored.values())
    reasons: list[str] = []
    asked, llm = _asked(run, images, reasons), _llm(run, reasons)
    if seen and (asked is None or not asked["recipe_hash"].is_in(seen).any()):
        asked = images.select("vlm_prompt").unique().with_columns(_newest(seen[0]))
        reasons.append("the store has no VLM caption of these options")
    wanted = [*llm_recipes(llm, images)] if llm else []
    if combined and not set(wanted) & set(combined):
        llm, wanted = None, combined[:1]
        reasons.append("the store has no combined caption of these options")
    if asked is None:
        asked = images.select("vlm_prompt").unique().with_columns(_newest("-"))
    recipes = {*asked["recipe_hash"], *wanted}
    return Sources(asked, llm, wanted, _shown(stored, recipes), "; ".join(reasons[-2:]))


def _asked(run: Run, images: pl.DataFrame, reasons: list[str]) -> pl.DataFrame | None:
    try:
        return asked_recipes(vlm_choice(run, images))
    except CapenhError as error:
        reasons.append(str(error))
        return None


def _llm(run: Run, reasons: list[str]) -> LlmChoice | None:
    try:
        return llm_choice(run)
    except CapenhError as error:
        reasons.append(str(error))
        return None


def _newest(recipe: str) -> list[pl.Expr]:
    return [pl.lit("caption").alias("name"), pl.lit(recipe).alias("recipe_hash")]


def _shown(stored: dict[str, pl.DataFrame], recipes: set[str]) -> list[str]:
    """Return model, prompt and count of the recipes that are there."""
    lines: list[str] = []
    for table, rows in stored.items():
        of_table = rows.filter(pl.col("recipe_hash").is_in(list(recipes)))
        for model, prompt, count in of_table.select("model", "prompt", "rows").iter_rows():
            told = f", prompt {prompt}" if table == VLM_CAPTIONS.name and prompt else ""
            who = "VLM" if table == VLM_CAPTIONS.name else "LLM"
            lines.append(f"{who} {_name(model)}{told}: {count:,} captions")
    return lines


def _name(model: str | None) -> str:
    """Return the id of a model, or the name of its folder."""
    return Path(model).name if model and Path(model).is_absolute() else model or "-"
