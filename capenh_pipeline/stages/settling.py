"""When a shard need not be looked at again: what its state is a function of, as one hash."""

from dataclasses import asdict
from importlib.metadata import version
from typing import Any

import polars as pl

from capenh_pipeline.domain.identity import canonical_json, sha256_hex
from capenh_pipeline.stages.run import Run


def may_settle(run: Run) -> bool:
    """Return whether a shard's state is a function of its own tables and the options alone.

    It is not if failures are to be tried again, if a limit counts over all shards, or if folders
    have prompts of their own.
    """
    options = run.options
    return not (options.retry_failed or options.limit or options.folder_prompts)


def fingerprint(run: Run, *inputs: Any) -> str:
    """Return a hash of this version of the program, all options, and `inputs`, which are JSON."""
    values = [version("capenh_pipeline"), asdict(run.options), *inputs]
    return sha256_hex(canonical_json(values).encode())


def digest_of(frame: pl.DataFrame) -> list[int]:
    """Return numbers that tell two frames apart, whatever the order of their rows."""
    return [frame.height, *(int(frame.hash_rows(seed).sum()) for seed in (1, 2))]
