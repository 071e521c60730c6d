"""Combined captions: what an LLM makes of the manual and the VLM caption."""

from collections.abc import Callable
from typing import Any

import polars as pl

from capenh_pipeline.dataset.prompt_files import read_prompt
from capenh_pipeline.domain.fusion.sources import Sources
from capenh_pipeline.domain.identity import canonical_json
from capenh_pipeline.domain.prompts import told_system_prompt, user_message
from capenh_pipeline.domain.recipes import Recipe, request_hash
from capenh_pipeline.domain.schemas import COMBINED_CAPTIONS, IMAGE_MANIFEST, OK, VLM_CAPTIONS
from capenh_pipeline.models.base import LanguageModel, MergeReply, MergeRequest
from capenh_pipeline.models.choice import LlmChoice, choose_llm
from capenh_pipeline.stages.figures import SCORES, distribution, figures, rows_of_run
from capenh_pipeline.stages.fusion import Fusion
from capenh_pipeline.stages.incremental import Filling, Keep, Missing, fill
from capenh_pipeline.stages.manifest_rows import folder_prompts, manifest_rows
from capenh_pipeline.stages.run import Report, Run
from capenh_pipeline.stages.seen_captions import (
    named_captions,
    seen_captions,
    told_captions,
    told_prompts,
)
from capenh_pipeline.stages.spending import Spending
from capenh_pipeline.stages.vlm_captions import vlm_choice

Connect = Callable[[LlmChoice], LanguageModel]

INPUTS = ["image_hash", "manual_caption", "vlm_caption", "recipe_hash"]
"""What makes a request: equal inputs have equal request hashes."""


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
    choice, prompts = llm_choice(run), folder_prompts(run)
    recipes = llm_recipes(choice, prompts)
    spending = Spending(run.options)

    def compute(absent: Missing, keep: Keep) -> None:
        llm, requests = connect(choice), _Requests(run, recipes)

        def kept(reply: MergeReply) -> None:
            spending.add(reply)
            keep({**requests.cells(reply), "model": llm.effective_model})

        rows = (row for _, some in absent for row in some.sort(INPUTS).iter_rows(named=True))
        for affordable in spending.rounds(map(requests.request, rows)):
            llm.merge(affordable, kept)

    filling = Filling(
        COMBINED_CAPTIONS,
        wanted=lambda shard: captions_to_combine(shard, manifest_rows(shard), choice),
        recipe_hashes=[*recipes],
        totals=["prompt_tokens", "completion_tokens", "fallback"],
        reads=[IMAGE_MANIFEST, VLM_CAPTIONS],
        follows=[asked.recipe.hash for asked in vlm_choice(run, prompts).all_prompts],
    )
    report = fill(run, filling, compute)
    report.warnings += spending.warnings(left=report.total("left"))
    made = [shard for shard, counts in report.shards.items() if counts["computed"]]
    report.figures |= {shard: _figures(run.of_shard(shard)) for shard in made}
    return report


def _figures(run: Run) -> dict[str, float | list[int]]:
    rows = rows_of_run(run, run.run_id)
    return {
        **figures(rows, run.options),
        **{f"{score}_distribution": distribution(rows[score]) for score in SCORES},
    }


def llm_recipes(choice: LlmChoice, images: pl.DataFrame) -> dict[str, Recipe]:
    """Return the recipes of the combined captions of some images, by hash, the options' first."""
    prompts = images["llm_prompt"].drop_nulls().unique().sort()
    recipes = [choice.recipe, *map(choice.recipe_of, prompts)]
    return {recipe.hash: recipe for recipe in recipes}


def captions_to_combine(run: Run, images: pl.DataFrame, choice: LlmChoice) -> pl.DataFrame:
    """Return the distinct `INPUTS` of the combined captions that there should be.

    An image is not among them if one of the VLM captions that the LLM is told failed, or if its
    manual caption cannot be read: a caption without what the person wrote would pass for theirs.

    Args:
        run: its options name what the LLM is told.
        images: rows of `manifest_rows`.
        choice: the LLM.
    """
    readable = images.filter(pl.col("status") == OK)
    complete = with_requests(run, readable, choice).drop_nulls("vlm_caption")
    return complete.select(INPUTS).unique(maintain_order=True)


def with_requests(run: Run, images: pl.DataFrame, choice: LlmChoice) -> pl.DataFrame:
    """Return `images` with `vlm_captions` and the rest of `INPUTS`, in the same order.

    `vlm_caption` is null where one of the VLM captions that the LLM is told is not there.
    """
    by_prompt = {prompt: choice.recipe_of(prompt).hash for prompt in images["llm_prompt"].unique()}
    columns = {"llm_prompt": pl.String, "recipe_hash": pl.String}
    recipes = pl.DataFrame([*by_prompt.items()], schema=columns, orient="row")
    told = seen_captions(run, images).with_columns(vlm_caption=told_captions(told_prompts(run)))
    return told.join(recipes, on="llm_prompt", how="left", nulls_equal=True, maintain_order="left")


class _Requests:
    """Turns missing rows into requests, and replies into rows."""

    def __init__(self, run: Run, recipes: dict[str, Recipe]) -> None:
        self._prompts = told_prompts(run)
        self._fusion = Fusion(run.options)
        self._recipes = recipes
        self._system_prompts = {
            name: told_system_prompt(
                recipe.values["system_prompt"],
                max_words=self._fusion.max_words,
                language=run.options.caption_language,
            )
            for name, recipe in recipes.items()
        }

    def request(self, row: dict[str, Any]) -> MergeRequest:
        system_prompt = self._system_prompts[row["recipe_hash"]]
        return MergeRequest(
            key=row,
            system_prompt=system_prompt,
            user_message=user_message(row["manual_caption"], self._seen(row)),
            judge=self._fusion.judge(self._sources(row), system_prompt),
        )

    def cells(self, reply: MergeReply) -> dict[str, Any]:
        row = reply.key
        recipe = self._recipes[row["recipe_hash"]]
        return {
            **row,
            **self._fusion.cells(reply, self._sources(row)),
            "request_hash": request_hash(recipe.hash, row["manual_caption"], self._seen(row)),
            "system_prompt": self._system_prompts[recipe.hash],
            "options": canonical_json(recipe.values),
            "finish_reason": reply.finish_reason,
            "prompt_tokens": reply.prompt_tokens,
            "completion_tokens": reply.completion_tokens,
            "attempts": reply.attempts,
            "latency_s": reply.latency_s,
        }

    def _seen(self, row: dict[str, Any]) -> list[tuple[str | None, str]]:
        return named_captions(self._prompts, row["vlm_caption"])

    def _sources(self, row: dict[str, Any]) -> Sources:
        return self._fusion.sources(row["manual_caption"], self._seen(row))
