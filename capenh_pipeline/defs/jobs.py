"""The job that brings everything up to date."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from capenh_pipeline.defs.assets import GROUP

ENHANCE_CAPTIONS = "enhance_captions"


def enhance_captions(tags: Mapping[str, str]) -> Any:
    """Return the job over the four assets, whose runs get `tags`."""
    return dg.define_asset_job(
        ENHANCE_CAPTIONS,
        selection=dg.AssetSelection.groups(GROUP),
        description="Manifest, VLM captions, combined captions and caption files of a dataset.",
        run_tags=tags,
    )
