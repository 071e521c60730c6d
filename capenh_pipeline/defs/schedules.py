"""The schedule that catches what a sensor misses."""

from typing import Any

import dagster as dg

from capenh_pipeline.defs.names import Names
from capenh_pipeline.defs.resources import OPTIONS
from capenh_pipeline.defs.run_tags import whole_range
from capenh_pipeline.domain.deployment import Deployment
from capenh_pipeline.domain.options import Options
from capenh_pipeline.errors import ConfigurationError

_DESCRIPTION = """Brings the whole dataset up to date: what no sensor has seen, and rows that failed
for a reason that may have passed; then all checks look at it. Nothing is computed where nothing is
missing."""


def nightly_rerun(
    names: Names, job: Any, deployment: Deployment, options: Options
) -> dg.ScheduleDefinition:
    """Return the schedule of a run over all shards.

    Raises:
        ConfigurationError: its cron expression or its time zone is none.
    """
    status = dg.DefaultScheduleStatus
    try:
        return dg.ScheduleDefinition(
            name=names.name("nightly_rerun"),
            job=job,
            cron_schedule=deployment.rerun_cron,
            execution_timezone=deployment.time_zone,
            default_status=status.RUNNING if deployment.watch else status.STOPPED,
            description=_DESCRIPTION,
            execution_fn=lambda _: dg.RunRequest(
                tags=whole_range(options.shard_digits),
                run_config={
                    "resources": {names.name(OPTIONS): {"config": {"retry_transient": True}}}
                },
            ),
        )
    except dg.DagsterInvalidDefinitionError as error:
        raise ConfigurationError(
            f"The nightly run cannot be planned by CAPENH_RERUN_CRON={deployment.rerun_cron!r} and "
            f"CAPENH_TIME_ZONE={deployment.time_zone!r}: {error}"
        ) from None
