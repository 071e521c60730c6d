"""Combined captions: what an LLM makes of the manual and the VLM caption."""

from collections.abc import Callable, Sequence
from typing import Any

import polars as pl

from capenh_pipeline.dataset.prompt_files import read_prompt
from capenh_pipeline.domain.prompts import user_message
from capenh_pipeline.domain.recipes import request_hash
from capenh_pipeline.domain.schemas import COMBINED_CAPTIONS, FAILED, OK
from capenh_pipeline.domain.vlm_prompts import VlmPrompt
from capenh_pipeline.models.base import LanguageModel, MergeReply, MergeRequest
from capenh_pipeline.models.choice import LlmChoice, choose_llm
from capenh_pipeline.stages.incremental import Keep, fill
from capenh_pipeline.stages.manifest_rows import manifest_rows
from capenh_pipeline.stages.run import Report, Run
from capenh_pipeline.stages.seen_captions import (
    named_captions,
    seen_captions,
    told_captions,
    told_prompts,
)

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
        hub_commit=run.hub_commit,
    )


def fill_combined_captions(run: Run, *, connect: Connect) -> Report:
    """Combine the captions of every image of the run's shards where that was not done before.

    Args:
        run: what to do.
        connect: returns the LLM; called only if a row is missing.

    Raises:
        ServerError: the LLM cannot be asked; what it answered before is kept.
    """
    choice, prompts = llm_choice(run), told_prompts(run)

    def compute(absent: pl.DataFrame, keep: Keep) -> None:
        llm = connect(choice)

        def kept(reply: MergeReply) -> None:
            seen = named_captions(prompts, reply.key["vlm_caption"])
            request = request_hash(choice.recipe.hash, reply.key["manual_caption"], seen)
            origin = {"recipe_hash": choice.recipe.hash, "request_hash": request}
            keep({**_cells(reply), **origin, "model": llm.effective_model})

        llm.merge(
            (_request(row, prompts) for row in absent.sort(INPUTS).iter_rows(named=True)), kept
        )

    return fill(
        run,
        COMBINED_CAPTIONS,
        captions_to_combine(run),
        recipe_hashes=[choice.recipe.hash],
        compute=compute,
        totals=["prompt_tokens", "completion_tokens"],
    )


def captions_to_combine(run: Run) -> pl.DataFrame:
    """Return the distinct `INPUTS` of the run's shards.

    An image is not among them if one of the VLM captions that the LLM is told failed, or if its
    manual caption cannot be read: a caption without what the person wrote would pass for theirs.
    """
    told = seen_captions(run).select("image_hash", vlm_caption=told_captions(told_prompts(run)))
    images = manifest_rows(run).filter(pl.col("status") == OK)
    complete = images.join(told.drop_nulls("vlm_caption"), on="image_hash")
    return complete.select(INPUTS).unique(maintain_order=True)


def _request(row: dict[str, Any], prompts: Sequence[VlmPrompt]) -> MergeRequest:
    seen = named_captions(prompts, row["vlm_caption"])
    return MergeRequest(row, user_message(row["manual_caption"], seen))


def _cells(reply: MergeReply) -> dict[str, Any]:
    return {
        **reply.key,
        "caption": reply.caption,
        "status": OK if reply.error_kind is None else FAILED,
        "error_kind": reply.error_kind,
        "error": reply.error,
        "finish_reason": reply.finish_reason,
        "prompt_tokens": reply.prompt_tokens,
        "completion_tokens": reply.completion_tokens,
        "attempts": reply.attempts,
    }
