"""The job that brings everything up to date."""

import dagster as dg

from capenh_pipeline.defs.assets import GROUP

ENHANCE_CAPTIONS = "enhance_captions"

enhance_captions = dg.define_asset_job(
    ENHANCE_CAPTIONS,
    selection=dg.AssetSelection.groups(GROUP),
    description="Manifest, VLM captions, combined captions and caption files of a dataset.",
)
