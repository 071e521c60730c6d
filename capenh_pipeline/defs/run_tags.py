"""Tags of runs: by them runs are found, and those of one store are queued one after the other."""

from collections.abc import Mapping
from pathlib import Path

from capenh_pipeline.domain.options import Options
from capenh_pipeline.domain.shards import shard_keys
from capenh_pipeline.places.object_place import is_object_url
from capenh_pipeline.places.place import FILE_URL
from capenh_pipeline.tables.marker import STORE_FOLDER

PREFIX = "capenh/"
"""What our tags begin with."""

DATASET, STORE = "capenh/dataset", "capenh/store"
RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"


def run_tags(options: Options, versions: Mapping[str, str]) -> dict[str, str]:
    """Return by what runs and assets with these options are found.

    Args:
        options: they name the dataset.
        versions: of `code_versions`.
    """
    tags = {
        "capenh/vlm_recipe": versions["vlm_captions"],
        "capenh/llm_recipe": versions["combined_captions"],
    }
    if options.dataset_dir:
        tags[DATASET] = _absolute(options.dataset_dir).rpartition("/")[2] or "/"
    return tags


def queue_tags(options: Options) -> dict[str, str]:
    """Return the tag by which the queue starts one run of a store at a time.

    Runs of a command have none: one that is killed stays "started" for ever, and those in the
    queue would wait for it.
    """
    if not options.dataset_dir:
        return {}
    folder = options.store or f"{options.dataset_dir.rstrip('/')}/{STORE_FOLDER}"
    return {STORE: _absolute(folder)}


def _absolute(folder: str) -> str:
    """Return a folder as each process names it, whatever its working directory is."""
    if is_object_url(folder):
        return folder.rstrip("/")
    return str(Path(folder.removeprefix(FILE_URL)).expanduser().absolute())


def whole_range(shard_digits: int) -> dict[str, str]:
    """Return the tags of a run over all shards."""
    keys = shard_keys(shard_digits)
    return range_tags(keys[0], keys[-1])


def range_tags(first: str, last: str) -> dict[str, str]:
    """Return the tags of a run over the shards from `first` to `last`."""
    return {RANGE_START: first, RANGE_END: last}
