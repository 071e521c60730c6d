"""The sensor that has new images captioned."""

from dataclasses import replace
from typing import Any

import dagster as dg

from capenh_pipeline.defs.names import Names
from capenh_pipeline.defs.resources import Outside, resource_names, resources_of
from capenh_pipeline.defs.run_tags import range_tags
from capenh_pipeline.domain.deployment import Deployment
from capenh_pipeline.errors import ConfigurationError, DatasetError
from capenh_pipeline.stages.landed_files import Changes, changes
from capenh_pipeline.stages.run import Run
from capenh_pipeline.stages.scanning import Scan, compared
from capenh_pipeline.stages.watch_place import Place
from capenh_pipeline.stages.watching import Watch, glance, look_at_all

BUDGET_S = 30.0
"""Seconds of one look; the daemon gives up on a tick after 60."""

_DESCRIPTION = """Looks for new, changed and deleted images and manual captions, and requests one
run over the shards that hold them. Files that may still be being written wait for the next look.

New, renamed and deleted files, and those that an editor replaced, are seen at once, by the times of
their folders. Files that were edited in place are seen when all of their folder's are looked at: in
a dataset of up to some 10,000 files at each look, in a larger one in turn, some 10,000 at each; the
nightly run sees them in any case. A look that takes too long goes on at the next."""

_GOES_ON = "The dataset is large: the look at its files goes on next time."


def new_images(names: Names, job: Any, deployment: Deployment) -> dg.SensorDefinition:
    """Return the sensor; its cursor is a `Place`."""
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
    watch = outside.watches.setdefault((run.dataset, run.options.recursive), Watch())
    until = watch.clock() + BUDGET_S
    place = glance(run, watch, Place.read(cursor), until=until)
    if place is None:
        return _skipped(_GOES_ON, cursor)
    looked = None if watch.has_seen(place) else look_at_all(run, watch, until=until)
    if watch.look:
        return _skipped(_GOES_ON, place.cursor())
    if looked is None or watch.has_seen(place):
        return _skipped(f"Nothing has changed: {watch.images():,} images.", place.cursor())
    listing, look = looked
    return _requested(run, watch, place, compared(run, listing, look.known, began_ns=look.began_ns))


def _requested(run: Run, watch: Watch, place: Place, scan: Scan) -> dg.SensorResult:
    found = changes(run, scan)
    if not found.waiting:
        place = replace(place, seen=watch.digest())
    if not found.shards:
        return _skipped(_reason(found), place.cursor())
    tags = range_tags(found.shards[0], found.shards[-1])
    request = dg.RunRequest(run_key=found.key, tags=tags)
    return dg.SensorResult(run_requests=[request], cursor=place.cursor())


def _reason(found: Changes) -> str:
    if found.waiting:
        return f"{found.waiting} file(s) may still be being written; they wait for the next look."
    return "No image and no manual caption has changed."


def _skipped(reason: str, cursor: str | None) -> dg.SensorResult:
    return dg.SensorResult(skip_reason=reason, cursor=cursor)
