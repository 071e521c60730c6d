"""When a shard need not be looked at again: what its state is a function of, as one hash."""

from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

import polars as pl

from capenh_pipeline.domain.identity import canonical_json, sha256_hex
from capenh_pipeline.domain.schemas import TableSchema
from capenh_pipeline.stages.run import Run

Digest = tuple[int, int, int]
"""Of a frame, see `digest_of`."""

NO_DIGEST: Digest = (0, 0, 0)
"""Of a frame without rows."""

WITHOUT_EFFECT = frozenset(
    {
        *("dataset_dir", "store", "trust_dir_mtime", "checkpoint_rows", "checkpoint_s"),
        *("batch_size", "num_workers", "device", "image_timeout_s", "isolate_images"),
        *("devices", "workers", "engine", "ray_address", "ray_send_images"),
        "batch_timeout_s",
        *("base_url", "vlm_base_url", "concurrency", "requests_per_minute", "tokens_per_minute"),
        *("llm_timeout_s", "llm_patience_s", "llm_attempts"),
        *("price_in", "price_out", "max_tokens_total", "max_cost", "write_policy"),
    }
)
"""Options that are nothing to what is complete: how it was made, and what was done to get there.

One that is not named here counts, so that a new option costs a look at worst.
"""


def may_settle(run: Run) -> bool:
    """Return whether a shard's state is a function of its own tables and the options alone.

    It is not if failures are to be tried again, if a limit counts over all shards, or if folders
    have prompts of their own.
    """
    options = run.options
    return not (options.retry_failed or options.limit or options.folder_prompts)


def fingerprint(run: Run, *inputs: Any) -> str:
    """Return a hash of this version of the program, the options that count, and `inputs`.

    These are JSON.
    """
    options = {k: v for k, v in asdict(run.options).items() if k not in WITHOUT_EFFECT}
    return sha256_hex(canonical_json([version("capenh_pipeline"), options, *inputs]).encode())


def parts_of_tables(
    run: Run, schemas: Sequence[TableSchema], shards: Sequence[str]
) -> dict[str, list[list[str]]]:
    """Return by shard the names of its parts in each table."""
    names = [run.store.table(schema).part_names(shards) for schema in schemas]
    return {shard: [one[shard] for one in names] for shard in shards}


def digest_of(frame: pl.DataFrame) -> Digest:
    """Return numbers that tell two frames apart, whatever the order of their rows."""
    return frame.height, int(frame.hash_rows(1).sum()), int(frame.hash_rows(2).sum())


def with_digest(digest: Digest, frame: pl.DataFrame) -> Digest:
    """Return the digest of a frame that has more rows than one of that digest."""
    height, first, second = (
        sum(pair) % 2**64 for pair in zip(digest, digest_of(frame), strict=True)
    )
    return height, first, second
