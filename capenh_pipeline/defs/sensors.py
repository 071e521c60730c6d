"""The sensor that has new images captioned."""

import json
import time
from typing import Any

import dagster as dg

from capenh_pipeline.dataset.scan import Listing, begin_walk, walked
from capenh_pipeline.defs.names import Names
from capenh_pipeline.defs.resources import Look, Outside, resource_names, resources_of
from capenh_pipeline.defs.run_tags import range_tags
from capenh_pipeline.domain.deployment import Deployment
from capenh_pipeline.errors import ConfigurationError, DatasetError
from capenh_pipeline.stages.landed_files import Changes, changes
from capenh_pipeline.stages.run import Run
from capenh_pipeline.stages.settling import digest_of

BUDGET_S = 30.0
"""Seconds of one look; the daemon gives up on a tick after 60."""

_DESCRIPTION = """Looks for new, changed and deleted images and manual captions, and requests one
run over the shards that hold them. Files that may still be being written wait for the next look.
A look that takes too long goes on at the next."""


def new_images(names: Names, job: Any, deployment: Deployment) -> dg.SensorDefinition:
    """Return the sensor; its cursor is a digest of the files that it has dealt with."""
    status = dg.DefaultSensorStatus

    @dg.sensor(
        name=names.name("new_images"),
        job=job,
        minimum_interval_seconds=deployment.watch_interval_s,
        default_status=status.RUNNING if deployment.watch else status.STOPPED,
        description=_DESCRIPTION,
        required_resource_keys=resource_names(names),
    )
    def look(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        try:
            options, outside = resources_of(context, names)
            run = outside.open_run(options)
            return _look(run, outside, context.cursor)
        except (ConfigurationError, DatasetError) as error:
            return _skipped(str(error), context.cursor)

    return look


def _look(run: Run, outside: Outside, cursor: str | None) -> dg.SensorResult:
    began_ns, listing = _listing(run, outside)
    if listing is None:
        return _skipped("The dataset is large: the look at its files goes on next time.", cursor)
    seen = json.dumps([digest_of(listing.images), digest_of(listing.texts)])
    if seen == cursor:
        return _skipped(f"Nothing has changed: {listing.images.height:,} images.", cursor)
    found = changes(run, listing, began_ns=began_ns)
    next_cursor = cursor if found.waiting else seen
    if not found.shards:
        return _skipped(_reason(found), next_cursor)
    tags = range_tags(found.shards[0], found.shards[-1])
    request = dg.RunRequest(run_key=found.key, tags=tags)
    return dg.SensorResult(run_requests=[request], cursor=next_cursor)


def _listing(run: Run, outside: Outside) -> tuple[int, Listing | None]:
    """Return when the look at the files began and what it found, None if it goes on next time."""
    key = (run.dataset, run.options.recursive)
    look = outside.looks.pop(key, None) or _begun(run)
    deadline = time.monotonic() + BUDGET_S
    while run.options.recursive and look.walk.pending:
        look.walk.list_folder(look.walk.pending.pop())
        if time.monotonic() > deadline:
            outside.looks[key] = look
            return look.began_ns, None
    return look.began_ns, walked(look.walk, recursive=run.options.recursive, known=look.known)


def _begun(run: Run) -> Look:
    began_ns, known = run.now_ns(), run.known_listing()
    return Look(began_ns, begin_walk(run.dataset, skip=[run.store.root], known=known), known)


def _reason(found: Changes) -> str:
    if found.waiting:
        return f"{found.waiting} file(s) may still be being written; they wait for the next look."
    return "No image and no manual caption has changed."


def _skipped(reason: str, cursor: str | None) -> dg.SensorResult:
    return dg.SensorResult(skip_reason=reason, cursor=cursor)
