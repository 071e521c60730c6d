"""A message to a web address whenever a run fails."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.request import Request, urlopen

import dagster as dg

from capenh_pipeline.defs.names import Names

_TIMEOUT_S = 10
_LONGEST = 1000
"""Characters of an error in a message."""


def failure_webhook(names: Names, job: Any, url: str) -> dg.SensorDefinition:
    """Return the sensor that posts JSON to `url`: `text` for people, and its parts for programs.

    It tells of every run of the code location; where that has several datasets, of their jobs.
    An address that does not answer with success makes the sensor's tick fail, and it is tried
    again with the next.
    """

    @dg.run_failure_sensor(
        name=names.name("failure_webhook"),
        monitored_jobs=[job] if names.dataset else None,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Tells a web address of every run that fails.",
    )
    def tell(context: dg.RunFailureSensorContext) -> None:
        run = context.dagster_run
        error = _error(context)
        message = {
            "text": f"Run {run.run_id[:8]} of {run.job_name} failed: {error}",
            "job": run.job_name,
            "run_id": run.run_id,
            "error": error,
            "tags": {name: text for name, text in run.tags.items() if name.startswith("capenh/")},
        }
        _post(url, message)

    return tell


def _error(context: dg.RunFailureSensorContext) -> str:
    """Return why the first step failed, or what the run says where none did."""
    for event in context.get_step_failure_events():
        data = event.step_failure_data
        if data.user_failure_data and data.user_failure_data.description:
            return data.user_failure_data.description[:_LONGEST]
        if data.error:
            return (data.error.cause or data.error).message.strip()[:_LONGEST]
    return (context.failure_event.message or "")[:_LONGEST]


def _post(url: str, message: Mapping[str, object]) -> None:
    body = json.dumps(message).encode()
    headers = {"Content-Type": "application/json"}
    with urlopen(Request(url, body, headers), timeout=_TIMEOUT_S):  # noqa: S310  # checked
        pass
