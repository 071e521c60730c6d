"""The pipeline as Dagster knows it, for any options and any parts from outside."""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from capenh_pipeline.defs.assets import pipeline_assets
from capenh_pipeline.defs.checks import caption_checks
from capenh_pipeline.defs.jobs import check_captions, enhance_and_check, enhance_captions
from capenh_pipeline.defs.names import Names
from capenh_pipeline.defs.report import report_asset
from capenh_pipeline.defs.resources import OPTIONS, OUTSIDE, Outside, options_resource
from capenh_pipeline.defs.run_tags import queue_tags, run_tags
from capenh_pipeline.defs.schedules import nightly_rerun
from capenh_pipeline.defs.sensors import new_images
from capenh_pipeline.defs.versions import code_versions
from capenh_pipeline.defs.webhook import failure_webhook
from capenh_pipeline.domain.deployment import Deployment
from capenh_pipeline.domain.options import Options


def pipeline_definitions(
    values: Mapping[str, Any],
    outside: Outside,
    deployment: Deployment | None = None,
    *,
    dataset: str = "",
) -> dg.Definitions:
    """Return the pipeline with `values` as the options' defaults in the launchpad.

    Args:
        values: options by name.
        outside: models, clock and environment.
        deployment: when runs start by themselves, and who is told. None is for a command that
            runs the pipeline once: nothing starts by itself, waits for its turn or is tried again.
        dataset: its name, where a deployment has several; see `Names`.

    Raises:
        ConfigurationError: a value cannot work.
    """
    names, options = Names(dataset), Options(**values)
    versions = code_versions(options)
    found_by = run_tags(options, versions)
    tags = {**found_by, **(queue_tags(options) if deployment else {})}
    job, nightly = enhance_captions(names, tags), enhance_and_check(names, tags)
    jobs = [job, nightly, check_captions(names, found_by)]
    assets = pipeline_assets(names, options, deployment, versions)
    return dg.Definitions(
        assets=[*assets, report_asset(names, deployment, found_by)],
        asset_checks=[caption_checks(names, (deployment or Deployment()).max_failure_rate)],
        jobs=jobs,
        sensors=_sensors(names, jobs, deployment) if deployment else [],
        schedules=[nightly_rerun(names, nightly, deployment, options)] if deployment else [],
        # In one process: the assets follow one another, go by the same commits of hub models, and
        # are spared four starts of Python.
        executor=dg.in_process_executor,
        resources={
            names.name(OPTIONS): options_resource(values),
            names.name(OUTSIDE): outside,
        },
    )


def _sensors(
    names: Names, jobs: Sequence[Any], deployment: Deployment
) -> list[dg.SensorDefinition]:
    """Return what looks for new images, for which it starts the first job, and for failures."""
    url = deployment.failure_webhook
    told = [failure_webhook(names, jobs, url)] if url else []
    return [new_images(names, jobs[0], deployment), *told]
