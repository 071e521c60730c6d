"""The queue of runs; `dagster.yaml` names its class, and web server and daemon load it."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from capenh_pipeline.defs.run_tags import PREFIX


class TaggingQueue(dg.QueuedRunCoordinator):
    """Gives every run the tags of our jobs, by which it is found and waits for others of its store.

    Dagster tags those of sensors and schedules alone. The button "Materialize" and backfills start
    theirs from a job of Dagster's own that has no tags.
    """

    def submit_run(self, context: dg.SubmitRunContext) -> dg.DagsterRun:
        """Put a run into the queue, with its tags."""
        run = context.dagster_run
        if not any(name.startswith(PREFIX) for name in run.tags):
            self._instance.add_run_tags(run.run_id, _tags(context))
        return super().submit_run(context)


def _tags(context: dg.SubmitRunContext) -> dict[str, str]:
    """Return the tags of its job and of all jobs that compute assets of the run, if they agree.

    A run may be of several datasets; then it has none that would be of one of them.
    """
    run = context.dagster_run
    repository = _repository(context)
    jobs = {run.job_name}
    for node in repository.get_asset_node_snaps(run.job_name):
        if run.asset_selection is None or node.asset_key in run.asset_selection:
            jobs.update(node.job_names)
    tags: list[Mapping[str, str]] = [repository.get_full_job(job).run_tags for job in jobs]
    found = {name: {one[name] for one in tags if name in one} for one in tags for name in one}
    return {
        name: texts.pop()
        for name, texts in found.items()
        if name.startswith(PREFIX) and len(texts) == 1
    }


def _repository(context: dg.SubmitRunContext) -> Any:
    """Return the definitions of the code location that the run is of."""
    origin: Any = context.dagster_run.remote_job_origin  # whatever is in a queue has one
    origin = origin.repository_origin
    location = context.workspace.get_code_location(origin.code_location_origin.location_name)
    return location.get_repository(origin.repository_name)
