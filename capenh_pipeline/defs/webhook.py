"""A message to a web address whenever a run fails."""

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.request import HTTPRedirectHandler, Request, build_opener

import dagster as dg

from capenh_pipeline.defs.names import Names

_TIMEOUT_S = 5
_PAUSES_S = (1.0, 2.0)
"""Seconds between tries; with the timeouts well within the 60 that the daemon gives a tick."""

_LONGEST = 1000
"""Characters of an error in a message."""


def failure_webhook(names: Names, jobs: Sequence[Any], url: str) -> dg.SensorDefinition:
    """Return the sensor that posts JSON to `url`: `text` for people, and its parts for programs.

    It tells of every run of the code location; where that has several datasets, of their jobs.
    An address that does not answer with success is tried three times. Then the sensor's tick fails,
    which its page shows, and the message is lost: Dagster goes on with the next run.
    """

    @dg.run_failure_sensor(
        name=names.name("failure_webhook"),
        monitored_jobs=jobs if names.dataset else None,
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
    request = Request(url, body, {"Content-Type": "application/json"})  # noqa: S310  # checked
    opener = build_opener(_NoRedirects)
    for pause_s in (*_PAUSES_S, None):
        try:
            opener.open(request, timeout=_TIMEOUT_S).close()
            break
        except OSError:
            if pause_s is None:
                raise
            time.sleep(pause_s)


class _NoRedirects(HTTPRedirectHandler):
    """Makes a redirect an error: urllib would get a page from there, and the message is lost."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Follow none."""
