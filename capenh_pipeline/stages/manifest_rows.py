"""The rows of the manifest that a run works on."""

from collections.abc import Callable
from pathlib import Path

import polars as pl

from capenh_pipeline.dataset.prompt_files import nearest_prompts
from capenh_pipeline.dataset.scan import file_path
from capenh_pipeline.domain.schemas import IMAGE_MANIFEST
from capenh_pipeline.stages.run import Run

VLM_PROMPT_FILE, LLM_PROMPT_FILE = "prompt.txt", "llm_prompt.txt"


def manifest_rows(run: Run) -> pl.DataFrame:
    """Return the manifest rows of the run's shards, in path order, within `limit`.

    The limit counts over the whole dataset, so that it means the same images whatever shards
    a run covers. The columns `vlm_prompt` and `llm_prompt` are the prompts of an image's folder,
    null where the options' count.

    Raises:
        ConfigurationError: a folder's prompt cannot be read.
    """
    table = run.store.table(IMAGE_MANIFEST)
    if run.options.limit is None:
        return _with_folder_prompts(run, table.read(run.shards).sort("path"))
    rows = table.read().sort("path").head(run.options.limit)
    shard = pl.col("shard_hash").str.slice(0, run.store.shard_digits)
    return _with_folder_prompts(run, rows.filter(shard.is_in(list(run.shards))))


def _with_folder_prompts(run: Run, rows: pl.DataFrame) -> pl.DataFrame:
    found: dict[str, Callable[[Path], str | None]] = {
        "vlm_prompt": nearest_prompts(run.dataset, VLM_PROMPT_FILE),
        "llm_prompt": nearest_prompts(run.dataset, LLM_PROMPT_FILE),
    }
    if not run.options.folder_prompts:
        return rows.with_columns(pl.lit(None, pl.String).alias(name) for name in found)
    paths = rows.select("path", "path_bytes").iter_rows()
    folders = [file_path(run.dataset, *path).parent for path in paths]
    return rows.with_columns(
        pl.Series(name, [prompt(folder) for folder in folders], pl.String)
        for name, prompt in found.items()
    )
