"""Looks at a dataset again and again, as a sensor has them: cheap as long as nothing changes.

A glance lists only folders whose own times are other than they were, and some more in turn: an edit
in place leaves no trace in those times. Where a glance sees a change, a whole look lists all that
the manifest does not have as it is.
"""

import math
import time
from bisect import bisect_right
from collections.abc import Callable
from concurrent import futures
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import polars as pl

from capenh_pipeline.buckets import FolderBuckets
from capenh_pipeline.dataset.scan import LISTED, Listing, begin_walk, walked
from capenh_pipeline.dataset.units import UNIT
from capenh_pipeline.dataset.walk import Walk
from capenh_pipeline.stages.known_listing import untrusted
from capenh_pipeline.stages.known_manifest import KnownManifest, known_manifest
from capenh_pipeline.stages.run import Run
from capenh_pipeline.stages.settling import Digest, digest_of
from capenh_pipeline.stages.watch_place import Place
from capenh_pipeline.waiting import started

IN_TURN_S = 0.05
"""Seconds of a glance for folders whose own times tell of no change."""


class Look(NamedTuple):
    """A look at the files of a dataset, which may take several ticks.

    Attributes:
        began_ns: when it began, in nanoseconds since 1970.
        walk: how far it is.
        files: those that it has found.
        known: what the files are compared with, in a whole look.
    """

    began_ns: int
    walk: Walk
    files: FolderBuckets
    known: KnownManifest | None = None


@dataclass
class Watch:
    """What is remembered of a dataset in a process; without it a look goes by the manifest.

    Attributes:
        units: what the last look has found. A folder that changed so shortly before that it may
            change again without a trace has a state that no folder has.
        glance: one that is not through.
        look: a whole one that is not through, or what will be one that is.
        clock: seconds, as `time.monotonic` has them.
    """

    units: pl.DataFrame | None = None
    glance: Look | None = None
    look: Look | Future[Look] | None = None
    clock: Callable[[], float] = time.monotonic

    def digest(self) -> Digest | None:
        """Return what tells the files of the last look from others."""
        seen = [*UNIT, "files", "digest"]
        return None if self.units is None else digest_of(self.units.select(seen))

    def images(self) -> int:
        """Return how many images the last look has found."""
        return 0 if self.units is None else int(self.units["images"].sum())

    def has_seen(self, place: Place) -> bool:
        """Return whether the last look is over, and has found what was dealt with already."""
        return self.look is None and place.seen is not None and place.seen == self.digest()

    def remember(self, listing: Listing, began_ns: int) -> None:
        """Take down what a look has found."""
        self.units = untrusted(listing.units, pl.lit(value=False), began_ns=began_ns)


def glance(run: Run, watch: Watch, place: Place, *, until: float) -> Place | None:
    """Bring `watch.units` up to date; nothing is done where nothing is known to begin with.

    Nor is it in object storage, whose folders have no times: there a whole look costs no more.

    Args:
        run: its dataset.
        watch: of that dataset.
        place: where earlier looks are.
        until: when to stop, by `watch.clock`.

    Returns:
        The place afterwards, None if the glance is to go on at the next tick.

    Raises:
        DatasetError: the folder is missing, not a folder, or holds no image.
    """
    if not isinstance(run.dataset, Path):
        watch.units = None
    elif watch.units is None and (known := known_manifest(run)):
        watch.units = known.listing.units
    if watch.units is None or watch.look:
        return place
    found, watch.glance = watch.glance or _begun(run, watch.units, watch.units), None
    if not _is_through(run, watch, found, until):
        watch.glance = found
        return None
    if not run.options.trust_dir_mtime:
        place = _list_in_turn(run, watch, found, place)
    watch.remember(_listing(run, found), found.began_ns)
    return place


def look_at_all(run: Run, watch: Watch, *, until: float) -> tuple[Listing, Look] | None:
    """Return the files of all folders that are not as the manifest has them.

    Args:
        run: its dataset.
        watch: of that dataset, after a glance.
        until: when to stop, by `watch.clock`.

    Returns:
        The files and what they are compared with; None if the look is to go on at the next tick.

    Raises:
        DatasetError: as in `glance`.
    """
    looking, watch.look = watch.look or _started(run, watch), None
    if not _is_over(run, watch, looking, until):
        watch.look = looking
        return None
    found = looking if isinstance(looking, Look) else looking.result()
    listing = _listing(run, found)
    watch.remember(listing, found.began_ns)
    return listing, found


def _started(run: Run, watch: Watch) -> Look | Future[Look]:
    """Begin a whole look; one at object storage goes on between the ticks.

    There a folder is one step, however many objects it has: a request for each thousand.
    """
    if isinstance(run.dataset, Path):
        return _begun_whole(run, watch)
    return started(lambda: _whole(run, watch))


def _whole(run: Run, watch: Watch) -> Look:
    look = _begun_whole(run, watch)
    _is_through(run, watch, look, math.inf)
    return look


def _is_over(run: Run, watch: Watch, looking: Look | Future[Look], until: float) -> bool:
    if isinstance(looking, Look):
        return _is_through(run, watch, looking, until)
    return bool(futures.wait([looking], max(0.0, until - watch.clock())).done)


def _begun_whole(run: Run, watch: Watch) -> Look:
    known = known_manifest(run)
    units = known.listing.units if known else None
    return _begun(run, units, watch.units)._replace(known=known)


def _begun(run: Run, known: pl.DataFrame | None, trusted: pl.DataFrame | None) -> Look:
    began_ns = run.now_ns()
    files = FolderBuckets(LISTED, folder=run.scratch)
    walk = begin_walk(
        run.dataset,
        files,
        layers=run.layers,
        skip=run.own_folders,
        known=known,
        trusted=trusted,
    )
    return Look(began_ns, walk, files)


def _is_through(run: Run, watch: Watch, look: Look, until: float) -> bool:
    """Go on with a look, by one folder at least; return whether it has seen all."""
    while run.options.recursive and look.walk.pending:
        look.walk.go_on()
        if watch.clock() > until:
            return not look.walk.pending
    return True


def _listing(run: Run, look: Look) -> Listing:
    return walked(look.walk, look.files, recursive=run.options.recursive)


def _list_in_turn(run: Run, watch: Watch, look: Look, place: Place) -> Place:
    """List some of the folders that are the same by their own times; return the place after it."""
    began, may_take_s = watch.clock(), IN_TURN_S - place.owed_s
    took_s, folders = 0.0, sorted(look.walk.same)
    first = bisect_right(folders, place.after)
    for folder in [*folders[first:], *folders[:first]]:
        if took_s >= may_take_s:
            break
        look.walk.list_again(folder)
        _is_through(run, watch, look, math.inf)  # a sub-folder that has just come
        took_s, place = watch.clock() - began, replace(place, after=folder)
    return replace(place, owed_s=max(0.0, took_s - may_take_s))
