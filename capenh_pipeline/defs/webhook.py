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

    It tells of every run of the code location; where that has several datasets, of every run of
    this one, whoever started it: a run of two of them is told once for each.
    An address that does not answer with success is tried three times. Then the sensor's tick fails,
    which its page shows, and the message is lost: Dagster goes on with the next run.
    """

    @dg.run_failure_sensor(
        name=names.name("failure_webhook"),
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Tells a web address of every run that fails.",
    )
    def tell(context: dg.RunFailureSensorContext) -> None:
        run = context.dagster_run
        if not _is_of(run, names, jobs):
            return
        error = _error(context)
        message = {
            "text": f"Run {run.run_id[:8]} of {_what(run, names)} failed: {error}",
            "job": run.job_name,
            "dataset": names.dataset,
            "run_id": run.run_id,
            "error": error,
            "tags": {name: text for name, text in run.tags.items() if name.startswith("capenh/")},
        }
        _post(url, message)

    return tell


def _is_of(run: dg.DagsterRun, names: Names, jobs: Sequence[Any]) -> bool:
    """Return whether a run is of this dataset: by its assets, or by its job where it has all."""
    if not names.dataset:
        return True
    if keys := _keys(run):
        return any(key.path[0] == names.dataset for key in keys)
    return _is_dagsters_own(run) or run.job_name in {job.name for job in jobs}


def _keys(run: dg.DagsterRun) -> set[dg.AssetKey]:
    """Return the assets that were chosen for a run, or whose checks were."""
    checked = {check.asset_key for check in run.asset_check_selection or ()}
    return {*(run.asset_selection or ()), *checked}


def _is_dagsters_own(run: dg.DagsterRun) -> bool:
    """Return whether its job is the one behind the button "Materialize", which has all assets."""
    return run.job_name.startswith("__")


def _what(run: dg.DagsterRun, names: Names) -> str:
    """Return of what a run is, for people: its job, or the assets that they have chosen."""
    if not _is_dagsters_own(run):
        return run.job_name
    keys = sorted(key.to_user_string() for key in _keys(run))
    return ", ".join(keys) or names.dataset or "all assets"


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
