"""The jobs: one that brings everything up to date, and one that looks whether it is good."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from capenh_pipeline.defs.assets import GROUP

ENHANCE_CAPTIONS = "enhance_captions"


def enhance_captions(tags: Mapping[str, str]) -> Any:
    """Return the job over the four assets, whose runs get `tags`.

    Without the checks, which read all captions: what this job costs goes by what has changed.
    """
    return dg.define_asset_job(
        ENHANCE_CAPTIONS,
        selection=dg.AssetSelection.groups(GROUP).without_checks(),
        description="Manifest, VLM captions, combined captions and caption files of a dataset.",
        run_tags=tags,
    )


check_captions = dg.define_asset_job(
    "check_captions",
    selection=dg.AssetSelection.all_asset_checks(),
    description="All checks of the tables and the caption files; computes nothing.",
)
"""A job without partitions: the checks look at all shards."""
