"""The definitions as a whole."""

import dagster as dg

from capenh_pipeline.defs.pipeline import pipeline_definitions
from capenh_pipeline.defs.resources import Outside


def test_whatever_is_materialized_is_computed_in_the_process_of_its_run():
    defs = pipeline_definitions({}, Outside())
    for job in (
        defs.resolve_implicit_global_asset_job_def(),
        defs.resolve_job_def("enhance_captions"),
    ):
        assert job.executor_def == dg.in_process_executor
