"""VLM captions: what a vision-language model sees in each image."""

from collections.abc import Callable
from contextlib import closing
from functools import cache, partial
from typing import Any

import polars as pl

from capenh_pipeline.dataset.prompt_files import read_prompt
from capenh_pipeline.domain.identity import canonical_json
from capenh_pipeline.domain.schemas import FAILED, IMAGE_MANIFEST, OK, VLM_CAPTIONS
from capenh_pipeline.domain.vlm_prompts import VlmPrompt
from capenh_pipeline.errors import RowError
from capenh_pipeline.models.base import Generation
from capenh_pipeline.models.choice import VlmChoice, choose_vlm
from capenh_pipeline.models.served_vlm import ServedVlmSettings
from capenh_pipeline.stages.caption_engine import batch_captioner
from capenh_pipeline.stages.caption_jobs import CaptionFacts, Outcome
from capenh_pipeline.stages.caption_setup import CaptionSetup, LoadVlm
from capenh_pipeline.stages.caption_tasks import openable, tasks_of
from capenh_pipeline.stages.incremental import Filling, Keep, Missing, fill
from capenh_pipeline.stages.manifest_rows import folder_prompts
from capenh_pipeline.stages.run import Report, Run
from capenh_pipeline.stages.served_captions import ServedCaptioner


def vlm_choice(run: Run, images: pl.DataFrame | None = None) -> VlmChoice:
    """Return the VLM that the run's options name.

    Args:
        run: its options.
        images: rows of `manifest_rows`, whose folders may have prompts of their own.
    """
    prompts = [] if images is None else images["vlm_prompt"].drop_nulls().unique().sort()
    return choose_vlm(
        run.options,
        system_prompt=read_prompt(run.options.vlm_system_prompt, option="vlm_system_prompt"),
        folder_prompts=prompts,
        file_hash=run.file_hashes.sha256_of,
        hub_commit=run.hub_commit,
    )


def fill_vlm_captions(run: Run, *, load: LoadVlm, before_load: Callable[[], None]) -> Report:
    """Caption every image of the run's shards for every prompt that it has no caption for.

    Args:
        run: what to do.
        load: returns the model; called at most once, and only if a row is missing.
        before_load: called before that, to find out early what would stop the run later.

    Raises:
        ModelError: the model cannot be found or loaded.
    """
    choice = vlm_choice(run, folder_prompts(run))
    recipes = [asked.recipe.hash for asked in choice.all_prompts]

    def compute(absent: Missing, keep: Keep) -> None:
        before_load()
        tasks = tasks_of(run, absent, recipes)
        if isinstance(choice.settings, ServedVlmSettings):
            ask = ServedCaptioner(run, choice, choice.settings)
            ask.caption(tasks, lambda outcome, origin: keep({**origin, **_cells(outcome)}))
            return
        setup = CaptionSetup(run.options, choice.settings, load)
        with (
            closing(batch_captioner(setup)) as captioner,
            closing(captioner.caption(tasks)) as said,
        ):
            origin = cache(partial(_origin, run, choice, captioner.facts))
            for outcome in said:
                keep({**origin(outcome.prompt, outcome.generation), **_cells(outcome)})

    filling = Filling(
        VLM_CAPTIONS,
        wanted=lambda shard: captions_to_make(openable(shard), choice),
        recipe_hashes=recipes,
        totals=["new_tokens"],
        reads=[IMAGE_MANIFEST],
    )
    report = fill(run, filling, compute)
    report.warnings += [choice.warning] if choice.warning else []
    return report


def captions_to_make(images: pl.DataFrame, choice: VlmChoice) -> pl.DataFrame:
    """Return the distinct `image_hash` and `recipe_hash` of the VLM captions that there should be.

    Args:
        images: rows of `manifest_rows` that can be opened.
        choice: the VLM and what it is asked.
    """
    wanted = images.join(
        asked_recipes(choice), on="vlm_prompt", nulls_equal=True, maintain_order="left"
    )
    return wanted.select("image_hash", "recipe_hash").unique(maintain_order=True)


def asked_recipes(choice: VlmChoice) -> pl.DataFrame:
    """Return `vlm_prompt`, `name` and `recipe_hash`: what answers for an image.

    `vlm_prompt` is the prompt of the image's folder, null where it has none; `name` tells several
    prompts apart.
    """
    rows = [(None, prompt_name(one.prompt), one.recipe.hash) for one in choice.prompts]
    only = prompt_name(choice.prompts[0].prompt)  # there is one, where folders have prompts
    rows += [(text, only, one.recipe.hash) for text, one in choice.folder_prompts.items()]
    columns = dict.fromkeys(["vlm_prompt", "name", "recipe_hash"], pl.String)
    return pl.DataFrame(rows, schema=columns, orient="row")


def prompt_name(prompt: VlmPrompt) -> str:
    """Return what the captions of a prompt are called in a frame."""
    return prompt.name or "caption"


def _origin(
    run: Run, choice: VlmChoice, facts: CaptionFacts, prompt: int, generation: Generation
) -> dict[str, Any]:
    """Return the cells of a row that say where its caption is from."""
    asked = choice.all_prompts[prompt]
    effective = dict(facts.effective_options[generation])
    return {
        "recipe_hash": asked.recipe.hash,
        "model_id": run.options.model_id,
        "effective_model_id": facts.effective_model_id,
        "revision": facts.revision,
        "prompt": asked.prompt.text,
        "options": canonical_json({**asked.recipe.values, "effective": effective}),
    }


def _cells(outcome: Outcome) -> dict[str, Any]:
    cells = {"image_hash": outcome.file.image_hash, "attempts": outcome.attempts}
    result = outcome.result
    if isinstance(result, RowError):
        return {**cells, "status": FAILED, "error_kind": result.kind, "error": str(result)}
    cells |= {"finish_reason": result.finish_reason, "new_tokens": result.new_tokens}
    if not result.caption:
        return {**cells, "status": FAILED, "error_kind": "empty", "error": "The VLM said nothing."}
    return {**cells, "status": OK, "caption": result.caption}
