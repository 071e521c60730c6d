"""What a materialization says about itself in the UI."""

from typing import Any

import dagster as dg

from capenh_pipeline.stages.run import Report
from capenh_pipeline.stages.summary import NAMED

KEPT_FILES = "kept_files"
"""Metadata of `caption_files`: the first paths that a person wrote and that were left alone."""

FAILED_FILES = "failed_files"
"""Metadata of `caption_files`: the first paths that could not be written, and why."""


def shard_metadata(report: Report, shard: str) -> dict[str, Any]:
    """Return the metadata of one shard's materialization."""
    lists = {KEPT_FILES: report.kept_files, FAILED_FILES: report.failed_files}
    named = {name: by_shard[shard] for name, by_shard in lists.items() if shard in by_shard}
    shown = {name: dg.MetadataValue.json(paths[:NAMED]) for name, paths in named.items()}
    return {**report.shards[shard], **shown, **report.figures.get(shard, {})}
