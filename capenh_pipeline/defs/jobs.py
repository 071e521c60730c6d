"""The job that brings everything up to date."""

import dagster as dg

from capenh_pipeline.defs.assets import GROUP

ENHANCE_CAPTIONS = "enhance_captions"

enhance_captions = dg.define_asset_job(
    ENHANCE_CAPTIONS,
    selection=dg.AssetSelection.groups(GROUP),
    # In one process: the assets follow one another and share nothing but the store.
    executor_def=dg.in_process_executor,
    description="Manifest, VLM captions, combined captions and caption files of a dataset.",
)
