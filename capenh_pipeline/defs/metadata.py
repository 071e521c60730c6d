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
    failed = [told for _, told in report.failed_files.get(shard, [])]
    lists = {KEPT_FILES: report.kept_files.get(shard), FAILED_FILES: failed}
    shown = {name: dg.MetadataValue.json(told[:NAMED]) for name, told in lists.items() if told}
    return {**report.shards[shard], **shown, **report.figures.get(shard, {})}
