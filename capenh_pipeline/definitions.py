"""Table of contents: what Dagster finds in this project."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from capenh_pipeline.defs.assets import pipeline_assets
from capenh_pipeline.defs.environment import read_environment
from capenh_pipeline.defs.jobs import enhance_captions
from capenh_pipeline.defs.resources import Outside, options_resource
from capenh_pipeline.domain.options import Options, options_from_environment


def definitions(values: Mapping[str, Any], outside: Outside) -> dg.Definitions:
    """Return the pipeline with `values` as the options' defaults in the launchpad."""
    shard_digits = Options(**values).shard_digits
    return dg.Definitions(
        assets=pipeline_assets(shard_digits),
        jobs=[enhance_captions],
        resources={"options": options_resource(values), "outside": outside},
    )


defs = definitions(options_from_environment(read_environment()), Outside())
