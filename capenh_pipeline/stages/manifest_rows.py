"""The rows of the manifest that a run works on."""

import polars as pl

from capenh_pipeline.dataset.prompt_files import nearest_prompts
from capenh_pipeline.dataset.scan import file_path
from capenh_pipeline.domain.schemas import IMAGE_MANIFEST
from capenh_pipeline.domain.shards import shard_keys
from capenh_pipeline.stages.run import Run

_PROMPT_FILES = {"vlm_prompt": "prompt.txt", "llm_prompt": "llm_prompt.txt"}


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
    rows = table.read([])
    for shard in shard_keys(run.store.shard_digits):
        rows = pl.concat([rows, table.read([shard])]).sort("path").head(run.options.limit)
    shard = pl.col("shard_hash").str.slice(0, run.store.shard_digits)
    return _with_folder_prompts(run, rows.filter(shard.is_in(list(run.shards))))


def folder_prompts(run: Run) -> pl.DataFrame:
    """Return the distinct `vlm_prompt` and `llm_prompt` of the run's images, read by shards.

    Raises:
        ConfigurationError: a folder's prompt cannot be read.
    """
    if not run.options.folder_prompts:
        return pl.DataFrame(schema=dict.fromkeys(_PROMPT_FILES, pl.String))
    by_shard = [manifest_rows(run.of_shard(shard)).select(*_PROMPT_FILES) for shard in run.shards]
    return pl.concat(rows.unique() for rows in by_shard).unique()


def _with_folder_prompts(run: Run, rows: pl.DataFrame) -> pl.DataFrame:
    if not run.options.folder_prompts:
        return rows.with_columns(pl.lit(None, pl.String).alias(name) for name in _PROMPT_FILES)
    found = {name: nearest_prompts(run.dataset, file) for name, file in _PROMPT_FILES.items()}
    paths = rows.select("path", "path_bytes").iter_rows()
    folders = [file_path(run.dataset, *path).parent for path in paths]
    return rows.with_columns(
        pl.Series(name, [prompt(folder) for folder in folders], pl.String)
        for name, prompt in found.items()
    )
