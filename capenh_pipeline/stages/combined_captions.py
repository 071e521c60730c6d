"""Combined captions: what an LLM makes of the manual and the VLM caption."""

from collections.abc import Callable
from typing import Any

import polars as pl

from capenh_pipeline.dataset.prompt_files import read_prompt
from capenh_pipeline.domain.prompts import user_message
from capenh_pipeline.domain.recipes import request_hash
from capenh_pipeline.domain.schemas import COMBINED_CAPTIONS, FAILED, OK, VLM_CAPTIONS
from capenh_pipeline.models.base import LanguageModel, MergeReply, MergeRequest
from capenh_pipeline.models.choice import LlmChoice, choose_llm
from capenh_pipeline.stages.incremental import Keep, fill, rows_of_recipe
from capenh_pipeline.stages.manifest_rows import manifest_rows
from capenh_pipeline.stages.run import Report, Run
from capenh_pipeline.stages.vlm_captions import vlm_choice

Connect = Callable[[LlmChoice], LanguageModel]

INPUTS = ["image_hash", "manual_caption", "vlm_caption"]
"""What makes a request to one recipe: equal inputs have equal request hashes."""


def llm_choice(run: Run) -> LlmChoice:
    """Return the LLM that the run's options and environment name."""
    return choose_llm(
        run.options,
        system_prompt=read_prompt(run.options.llm_system_prompt, option="llm_system_prompt"),
        environment=run.environment,
        file_hash=run.file_hashes.sha256_of,
    )


def fill_combined_captions(run: Run, *, connect: Connect) -> Report:
    """Combine the captions of every image of the run's shards where that was not done before.

    Args:
        run: what to do.
        connect: returns the LLM; called only if a row is missing.

    Raises:
        ServerError: the LLM cannot be asked; what it answered before is kept.
    """
    choice = llm_choice(run)

    def compute(absent: pl.DataFrame, keep: Keep) -> None:
        llm = connect(choice)
        requests = (
            MergeRequest(row, user_message(row["manual_caption"], [(None, row["vlm_caption"])]))
            for row in absent.sort(INPUTS).iter_rows(named=True)
        )
        llm.merge(
            requests,
            lambda reply: keep({**_cells(reply, choice.recipe.hash), "model": llm.effective_model}),
        )

    return fill(
        run,
        COMBINED_CAPTIONS,
        captions_to_combine(run),
        recipe_hash=choice.recipe.hash,
        compute=compute,
        totals=["prompt_tokens", "completion_tokens"],
    )


def captions_to_combine(run: Run) -> pl.DataFrame:
    """Return the distinct `INPUTS` of the run's shards.

    An image whose VLM caption failed, or whose manual caption cannot be read, is not among
    them: a caption without what the person wrote would pass for theirs.
    """
    columns = ["image_hash", "status", "caption"]
    captions = rows_of_recipe(run, VLM_CAPTIONS, vlm_choice(run).recipe.hash, columns=columns)
    good = captions.filter(pl.col("status") == OK).select("image_hash", vlm_caption="caption")
    images = manifest_rows(run).filter(pl.col("status") == OK)
    return images.join(good, on="image_hash").select(INPUTS).unique(maintain_order=True)


def _cells(reply: MergeReply, recipe: str) -> dict[str, Any]:
    inputs: dict[str, Any] = reply.key
    return {
        **inputs,
        "recipe_hash": recipe,
        "request_hash": request_hash(recipe, inputs["manual_caption"], inputs["vlm_caption"]),
        "caption": reply.caption,
        "status": OK if reply.error_kind is None else FAILED,
        "error_kind": reply.error_kind,
        "error": reply.error,
        "finish_reason": reply.finish_reason,
        "prompt_tokens": reply.prompt_tokens,
        "completion_tokens": reply.completion_tokens,
        "attempts": reply.attempts,
    }
