"""The sensor that has new images captioned."""

import json
import time
from typing import Any

import dagster as dg

from capenh_pipeline.buckets import FolderBuckets
from capenh_pipeline.dataset.scan import LISTED, begin_walk, walked
from capenh_pipeline.dataset.units import UNIT
from capenh_pipeline.defs.names import Names
from capenh_pipeline.defs.resources import Look, Outside, resource_names, resources_of
from capenh_pipeline.defs.run_tags import range_tags
from capenh_pipeline.domain.deployment import Deployment
from capenh_pipeline.errors import ConfigurationError, DatasetError
from capenh_pipeline.stages.known_manifest import known_manifest
from capenh_pipeline.stages.landed_files import Changes, changes
from capenh_pipeline.stages.run import Run
from capenh_pipeline.stages.scanning import compared
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
    look = outside.looks.pop((run.dataset, run.options.recursive), None) or _begun(run)
    if not _is_through(run, look):
        outside.looks[run.dataset, run.options.recursive] = look
        return _skipped("The dataset is large: the look at its files goes on next time.", cursor)
    listing = walked(look.walk, look.files, recursive=run.options.recursive)
    seen = json.dumps(digest_of(listing.units.select(*UNIT, "files", "digest")))
    if seen == cursor:
        return _skipped(f"Nothing has changed: {listing.units['images'].sum():,} images.", cursor)
    found = changes(run, compared(run, listing, look.known, began_ns=look.began_ns))
    next_cursor = cursor if found.waiting else seen
    if not found.shards:
        return _skipped(_reason(found), next_cursor)
    tags = range_tags(found.shards[0], found.shards[-1])
    request = dg.RunRequest(run_key=found.key, tags=tags)
    return dg.SensorResult(run_requests=[request], cursor=next_cursor)


def _begun(run: Run) -> Look:
    known, began_ns = known_manifest(run), run.now_ns()
    files = FolderBuckets(LISTED, folder=run.scratch)
    walk = begin_walk(
        run.dataset,
        files,
        skip=run.own_folders,
        known=known.listing.units if known else None,
        trust_dir_mtime=run.options.trust_dir_mtime,
    )
    return Look(began_ns, walk, files, known)


def _is_through(run: Run, look: Look) -> bool:
    """Go on with a look at the files; return whether it has seen all before its time is over."""
    deadline = time.monotonic() + BUDGET_S
    while run.options.recursive and look.walk.pending:
        look.walk.go_on()
        if time.monotonic() > deadline:
            return False
    return True


def _reason(found: Changes) -> str:
    if found.waiting:
        return f"{found.waiting} file(s) may still be being written; they wait for the next look."
    return "No image and no manual caption has changed."


def _skipped(reason: str, cursor: str | None) -> dg.SensorResult:
    return dg.SensorResult(skip_reason=reason, cursor=cursor)
