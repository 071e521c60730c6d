"""The jobs: one that brings everything up to date, and one that looks whether it is good."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from capenh_pipeline.defs.checks import CHECKS
from capenh_pipeline.defs.names import Names

ENHANCE_CAPTIONS = "enhance_captions"


def enhance_captions(names: Names, tags: Mapping[str, str]) -> Any:
    """Return the job over the four assets of a dataset, whose runs get `tags`.

    Without the checks, which read all captions: what this job costs goes by what has changed.
    """
    return dg.define_asset_job(
        names.name(ENHANCE_CAPTIONS),
        selection=dg.AssetSelection.groups(names.group).without_checks(),
        description="Manifest, VLM captions, combined captions and caption files of a dataset.",
        run_tags=tags,
    )


def enhance_and_check(names: Names, tags: Mapping[str, str]) -> Any:
    """Return the same job with all checks after it, for runs at which nobody looks."""
    return dg.define_asset_job(
        names.name("enhance_and_check"),
        selection=dg.AssetSelection.groups(names.group),
        description="Brings a dataset up to date and looks at all that is there then.",
        run_tags=tags,
    )


def check_captions(names: Names, tags: Mapping[str, str]) -> Any:
    """Return the job of all checks of a dataset; it has no partitions, they look at all shards."""
    return dg.define_asset_job(
        names.name("check_captions"),
        selection=dg.AssetSelection.checks_for_assets(*map(names.key, CHECKS)),
        description="All checks of the tables and the caption files; computes nothing.",
        run_tags=tags,
    )
