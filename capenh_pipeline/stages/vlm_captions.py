"""VLM captions: what a vision-language model sees in each image."""

from collections.abc import Callable, Iterator
from contextlib import closing
from functools import cache, partial
from typing import Any

import polars as pl

from capenh_pipeline.dataset.prompt_files import read_prompt
from capenh_pipeline.dataset.scan import file_path
from capenh_pipeline.domain.identity import canonical_json
from capenh_pipeline.domain.schemas import FAILED, OK, VLM_CAPTIONS
from capenh_pipeline.errors import RowError
from capenh_pipeline.models.base import Generation, VisionLanguageModel
from capenh_pipeline.models.choice import VlmChoice, choose_vlm
from capenh_pipeline.models.vlm_settings import VlmSettings
from capenh_pipeline.stages.batch_size import BatchSize
from capenh_pipeline.stages.batches import BatchCaptioner, Outcome, Task
from capenh_pipeline.stages.caption_checks import CaptionChecks
from capenh_pipeline.stages.image_reader import ImageFile, ImageReader
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
    choice, files = vlm_choice(run), image_files(run)
    recipes = [prompt.recipe.hash for prompt in choice.prompts]

    def compute(absent: pl.DataFrame, keep: Keep) -> None:
        before_load()
        with (
            closing(load(choice.settings)) as model,
            closing(_reader(run, model)) as reader,
            closing(_captioner(run, model, reader).caption(_tasks(absent, files, recipes))) as said,
        ):
            origin = cache(partial(_origin, run, choice, model))
            for outcome in said:
                keep({**origin(outcome.prompt, outcome.generation), **_cells(outcome)})

    report = fill(
        run,
        VLM_CAPTIONS,
        pl.DataFrame({"image_hash": list(files)}, schema={"image_hash": pl.String}).join(
            pl.DataFrame({"recipe_hash": recipes}), how="cross"
        ),
        recipe_hashes=recipes,
        compute=compute,
        totals=["new_tokens"],
    )
    report.warnings += [choice.warning] if choice.warning else []
    return report


def image_files(run: Run) -> dict[str, ImageFile]:
    """Return one file for each distinct image of the run's shards that can be opened."""
    rows = manifest_rows(run).filter(pl.col("width").is_not_null())
    first = rows.unique("image_hash", keep="first", maintain_order=True)
    columns = ("image_hash", "path", "path_bytes", "width", "height", "format")
    return {
        image_hash: ImageFile(image_hash, file_path(run.dataset, path, path_bytes), *facts)
        for image_hash, path, path_bytes, *facts in first.select(columns).iter_rows()
    }


def _tasks(absent: pl.DataFrame, files: dict[str, ImageFile], recipes: list[str]) -> Iterator[Task]:
    places = {recipe: place for place, recipe in enumerate(recipes)}
    prompts = absent.with_columns(pl.col("recipe_hash").replace_strict(places).alias("prompt"))
    by_image = prompts.group_by("image_hash").agg(pl.col("prompt").sort()).sort("image_hash")
    for image_hash, missing in by_image.iter_rows():
        yield Task(files[image_hash], tuple(missing))


def _reader(run: Run, model: VisionLanguageModel) -> ImageReader:
    return ImageReader(
        model,
        background=run.options.background,
        timeout_s=run.options.image_timeout_s,
        is_isolated=run.options.isolate_images,
    )


def _captioner(run: Run, model: VisionLanguageModel, reader: ImageReader) -> BatchCaptioner:
    options = run.options
    first, most = model.batch_sizes
    if options.batch_size:
        first = most = options.batch_size
    return BatchCaptioner(
        model,
        reader,
        CaptionChecks(retry_length=options.on_length == "retry"),
        batch_size=BatchSize(first, most, has_room=model.has_room_for_double),
        preparing=options.num_workers or model.preparing,
    )


def _origin(
    run: Run, choice: VlmChoice, model: VisionLanguageModel, prompt: int, generation: Generation
) -> dict[str, Any]:
    """Return the cells of a row that say where its caption is from."""
    asked = choice.prompts[prompt]
    effective = dict(model.effective_options(generation))
    return {
        "recipe_hash": asked.recipe.hash,
        "model_id": run.options.model_id,
        "effective_model_id": model.effective_model_id,
        "revision": model.revision,
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
