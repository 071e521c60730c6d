"""The pipeline as Dagster knows it, for any options and any parts from outside."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from capenh_pipeline.defs.assets import pipeline_assets
from capenh_pipeline.defs.jobs import enhance_captions
from capenh_pipeline.defs.resources import Outside, options_resource
from capenh_pipeline.domain.options import Options


def pipeline_definitions(values: Mapping[str, Any], outside: Outside) -> dg.Definitions:
    """Return the pipeline with `values` as the options' defaults in the launchpad.

    Raises:
        ConfigurationError: a value cannot work.
    """
    return dg.Definitions(
        assets=pipeline_assets(Options(**values).shard_digits),
        jobs=[enhance_captions],
        # In one process: the assets follow one another, go by the same commits of hub models, and
        # are spared four starts of Python.
        executor=dg.in_process_executor,
        resources={"options": options_resource(values), "outside": outside},
    )
