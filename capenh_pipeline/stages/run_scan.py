"""The scan of a run, made by the first of its stages that needs it."""

from typing import NamedTuple

import polars as pl

from capenh_pipeline.stages.changed_files import look_again_at_changed_files
from capenh_pipeline.stages.known_manifest import known_manifest
from capenh_pipeline.stages.run import Run
from capenh_pipeline.stages.scanning import Scan, compared, list_files
from capenh_pipeline.stages.settling import may_settle


class Scanned(NamedTuple):
    """What later stages need of a scan.

    Attributes:
        names: of `unusual_names`, of all images.
        began_ns: when it began, in nanoseconds since 1970.
        is_noted: whether later runs compare with it, so that they see what changes after it.
    """

    names: pl.DataFrame
    began_ns: int
    is_noted: bool


def begin_scan(run: Run) -> Scan:
    """List the dataset's files beside what is known of them, and tell the export what has changed.

    Raises:
        DatasetError: the folder is missing, not a folder, or holds no image.
        StoreError: the store cannot be read or written.
    """
    run.scans.clear()
    known, began_ns = known_manifest(run), run.now_ns()
    scan = compared(run, list_files(run, known), known, began_ns=began_ns)
    if may_settle(run):
        look_again_at_changed_files(run, scan)
    run.scans[run.run_id] = Scanned(scan.names, began_ns, scan.is_noted)
    return scan


def is_noted_now(run: Run) -> None:
    """Take down that later runs compare with the run's scan."""
    run.scans[run.run_id] = run.scans[run.run_id]._replace(is_noted=True)


def scanned(run: Run) -> Scanned:
    """Return what the run's scan has found; it is made if the run has none.

    Raises:
        DatasetError: as in `begin_scan`.
        StoreError: as there.
    """
    if run.run_id not in run.scans:
        begin_scan(run)
    return run.scans[run.run_id]
