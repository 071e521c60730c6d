"""VLM captions: what a vision-language model sees in each image."""

from collections.abc import Callable
from contextlib import closing
from typing import Any

import polars as pl

from capenh_pipeline.dataset.prompt_files import read_prompt
from capenh_pipeline.dataset.scan import file_path
from capenh_pipeline.domain.schemas import FAILED, OK, VLM_CAPTIONS
from capenh_pipeline.errors import RowError
from capenh_pipeline.models.base import VisionLanguageModel, VlmReply
from capenh_pipeline.models.choice import VlmChoice, choose_vlm
from capenh_pipeline.models.torch_threads import spare_cores
from capenh_pipeline.models.vlm import VlmSettings
from capenh_pipeline.stages.batches import BatchCaptioner, ImageFile
from capenh_pipeline.stages.incremental import Keep, fill
from capenh_pipeline.stages.manifest_rows import manifest_rows
from capenh_pipeline.stages.run import Report, Run

LoadVlm = Callable[[VlmSettings], VisionLanguageModel]


def vlm_choice(run: Run) -> VlmChoice:
    """Return the VLM that the run's options name."""
    return choose_vlm(
        run.options,
        system_prompt=read_prompt(run.options.vlm_system_prompt, option="vlm_system_prompt"),
        file_hash=run.file_hashes.sha256_of,
    )


def fill_vlm_captions(run: Run, *, load: LoadVlm, before_load: Callable[[], None]) -> Report:
    """Caption every image of the run's shards that has no caption of this recipe.

    Args:
        run: what to do.
        load: returns the model; called at most once, and only if a row is missing.
        before_load: called before that, to find out early what would stop the run later.

    Raises:
        ModelError: the model cannot be found or loaded.
    """
    choice, files = vlm_choice(run), image_files(run)

    def compute(absent: pl.DataFrame, keep: Keep) -> None:
        before_load()
        with closing(load(choice.settings)) as model:
            origin = _origin(run, choice, model)
            paths = (files[image_hash] for image_hash in absent["image_hash"].sort())
            for file, outcome in _captioner(run, model).caption(paths):
                keep({"image_hash": file.image_hash, **origin, **_cells(outcome)})

    report = fill(
        run,
        VLM_CAPTIONS,
        pl.DataFrame({"image_hash": list(files)}, schema={"image_hash": pl.String}),
        recipe_hash=choice.recipe.hash,
        compute=compute,
        totals=["new_tokens"],
    )
    report.warnings += [choice.warning] if choice.warning else []
    return report


def image_files(run: Run) -> dict[str, ImageFile]:
    """Return one file for each distinct image of the run's shards that can be opened."""
    rows = manifest_rows(run).filter(pl.col("width").is_not_null())
    first = rows.unique("image_hash", keep="first", maintain_order=True)
    return {
        image_hash: ImageFile(image_hash, file_path(run.dataset, path, path_bytes))
        for image_hash, path, path_bytes in first.select(
            "image_hash", "path", "path_bytes"
        ).iter_rows()
    }


def _captioner(run: Run, model: VisionLanguageModel) -> BatchCaptioner:
    return BatchCaptioner(
        model,
        batch_size=run.options.batch_size or model.preferred_batch_size,
        workers=run.options.num_workers or spare_cores(),
    )


def _origin(run: Run, choice: VlmChoice, model: VisionLanguageModel) -> dict[str, Any]:
    return {
        "recipe_hash": choice.recipe.hash,
        "model_id": run.options.model_id,
        "effective_model_id": model.effective_model_id,
        "revision": model.revision,
        "prompt": run.options.prompt,
        "options": choice.recipe.to_json(),
        "attempts": 1,
    }


def _cells(outcome: VlmReply | RowError) -> dict[str, Any]:
    if isinstance(outcome, RowError):
        return {"status": FAILED, "error_kind": outcome.kind, "error": str(outcome)}
    tokens = {"finish_reason": outcome.finish_reason, "new_tokens": outcome.new_tokens}
    if not outcome.caption:
        return {"status": FAILED, "error_kind": "empty", "error": "The VLM said nothing.", **tokens}
    return {"status": OK, "caption": outcome.caption, **tokens}
