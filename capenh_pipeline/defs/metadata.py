"""What a materialization says about itself in the UI."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import dagster as dg

from capenh_pipeline.defs.looks import SCHEMAS
from capenh_pipeline.domain.schemas import CAPTION_FILES
from capenh_pipeline.stages.figures import bars
from capenh_pipeline.stages.run import Report, Run
from capenh_pipeline.stages.summary import NAMED

KEPT_FILES = "kept_files"
"""Metadata of `caption_files`: the first paths that a person wrote and that were left alone."""

FAILED_FILES = "failed_files"
"""Metadata of `caption_files`: the first paths that could not be written, and why."""


@dataclass(frozen=True)
class Measured:
    """What a step did for all of its shards together.

    Attributes:
        report: what it says itself.
        seconds: how long it took.
        rows: of each shard of its whole table now, see `rows_by_shard`.
    """

    report: Report
    seconds: float
    rows: Mapping[str, int]


def shard_metadata(shard: str, name: str, measured: Measured) -> dict[str, Any]:
    """Return the metadata of one shard's materialization.

    Args:
        shard: its key.
        name: the asset's.
        measured: the step, of which the shard was a part.
    """
    report = measured.report
    failed = [told for _, told in report.failed_files.get(shard, [])]
    lists = {KEPT_FILES: report.kept_files.get(shard), FAILED_FILES: failed}
    shown = {name: dg.MetadataValue.json(told[:NAMED]) for name, told in lists.items() if told}
    return {
        "dagster/row_count": sum(measured.rows.values()),
        "dagster/partition_row_count": _rows_of_shard(name, shard, measured),
        **report.shards[shard],
        **_speed(measured, shard),
        **shown,
        **_figures(report.figures.get(shard, {})),
    }


def rows_by_shard(run: Run, name: str) -> dict[str, int]:
    """Return the rows of each shard of an asset's table that has some, of all recipes."""
    table = run.store.table(SCHEMAS[name])
    # a short column that parts compress to nearly nothing
    column = "kind" if table.schema is CAPTION_FILES else "status"
    return {key: table.read([key], columns=[column]).height for key in table.shards()}


def _rows_of_shard(name: str, shard: str, measured: Measured) -> int:
    """Return the rows of the shard; files lie in the shards of their own paths, and are counted."""
    if name == CAPTION_FILES.name:
        counts = measured.report.shards[shard]
        return counts["files"] - counts["failed"]
    return measured.rows.get(shard, 0)


def _figures(figures: Mapping[str, float | list[int]]) -> dict[str, float | str]:
    """Return figures as people read them: a distribution as a line of bars, if it has a score."""
    return {
        name: bars(value) if isinstance(value, list) else value
        for name, value in figures.items()
        if not isinstance(value, list) or any(value)
    }


def _speed(measured: Measured, shard: str) -> dict[str, float]:
    """Return what the step took; its speed stands where there was work.

    A model is asked for images of several shards at once, so a shard has no time of its own.
    """
    seconds = round(measured.seconds, 3)
    shards = measured.report.shards
    if not shards[shard]["computed"]:
        return {"seconds": seconds}
    # an image may have several rows
    images = sum(min(counts["images"], counts["computed"]) for counts in shards.values())
    return {"seconds": seconds, "images_per_s": round(images / max(measured.seconds, 1e-3), 3)}
