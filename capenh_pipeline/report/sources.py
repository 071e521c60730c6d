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

_OF_OPTIONS = "of these options"


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
    seen, combined = (recipes_of(run, name) for name in (VLM_CAPTIONS.name, COMBINED_CAPTIONS.name))
    asked, why_seen = _asked(run, images, seen["recipe_hash"].to_list())
    llm, recipes, why_combined = _llm(run, images, combined["recipe_hash"].to_list())
    reasons = dict.fromkeys(reason for reason in (why_seen, why_combined) if reason)
    shown = [*_shown("VLM", seen, asked["recipe_hash"]), *_shown("LLM", combined, recipes)]
    return Sources(asked, llm, recipes, shown, "; ".join(reasons))


def _asked(run: Run, images: pl.DataFrame, stored: list[str]) -> tuple[pl.DataFrame, str]:
    """Return what is asked of the VLM, and why that is not what the options want."""
    try:
        asked = asked_recipes(vlm_choice(run, images))
        if not stored or asked["recipe_hash"].is_in(stored).any():
            return asked, ""
        reason = f"the store has no VLM caption {_OF_OPTIONS}"
    except CapenhError as error:
        reason = str(error).rstrip(".") if stored else ""
    prompts = [None, *images["vlm_prompt"].drop_nulls().unique()]
    newest = stored[0] if stored else ""
    rows = [(prompt, "caption", newest) for prompt in prompts]
    columns = dict.fromkeys(["vlm_prompt", "name", "recipe_hash"], pl.String)
    return pl.DataFrame(rows, schema=columns, orient="row"), reason


def _llm(
    run: Run, images: pl.DataFrame, stored: list[str]
) -> tuple[LlmChoice | None, Sequence[str], str]:
    """Return the LLM if its captions are shown, the recipes that are, and why those."""
    try:
        choice = llm_choice(run)
        wanted = [*llm_recipes(choice, images)]
        if not stored or set(wanted) & set(stored):
            return choice, wanted, ""
        reason = f"the store has no combined caption {_OF_OPTIONS}"
    except CapenhError as error:
        reason = str(error).rstrip(".") if stored else ""
    return None, stored[:1], reason


def _shown(who: str, stored: pl.DataFrame, recipes: Sequence[str] | pl.Series) -> list[str]:
    """Return model, prompt and count of the recipes that are there."""
    of_recipes = stored.filter(pl.col("recipe_hash").is_in(list(recipes)))
    lines: list[str] = []
    for model, prompt, count in of_recipes.select("model", "prompt", "rows").iter_rows():
        told = f", prompt {prompt}" if who == "VLM" and prompt else ""
        lines.append(f"{who} {_name(model)}{told}: {count:,} captions")
    return lines


def _name(model: str | None) -> str:
    """Return the id of a model, or the name of its folder."""
    return Path(model).name if model and Path(model).is_absolute() else model or "-"
