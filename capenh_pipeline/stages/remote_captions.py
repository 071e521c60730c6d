"""A caption worker in another process, perhaps of another machine."""

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

import psutil

from capenh_pipeline.stages.caption_jobs import CaptionJob, Said, SizeNotes
from capenh_pipeline.stages.caption_setup import CaptionSetup
from capenh_pipeline.stages.caption_worker import CaptionWorker


@dataclass(frozen=True)
class RemoteCaptions:
    """Makes the worker, where it is to work (`engines.base.MakeWorker`).

    Attributes:
        setup: what it is made of.
        threads: that torch may take; with cores for every worker none waits for another.
    """

    setup: CaptionSetup
    threads: int

    def __call__(self) -> "RemoteCaptionWorker":
        """Load the model.

        Raises:
            ModelError: the model cannot be found or loaded.
        """
        os.environ["OMP_NUM_THREADS"] = str(self.threads)  # before torch is imported
        model = self.setup.load(self.setup.settings)
        notebook = SizeNotebook(model.has_room_for_double)
        return RemoteCaptionWorker(self.setup.worker(model, notebook), notebook)


class RemoteCaptionWorker:
    """A `CaptionWorker` that tells whoever cuts the batches how those of a size did."""

    def __init__(self, worker: CaptionWorker, notebook: "SizeNotebook") -> None:
        self._worker = worker
        self._notebook = notebook
        self.room = worker.room
        self.facts = replace(worker.facts, cost=pixels, memory_bytes=_resident_bytes())

    def do(self, job: CaptionJob) -> Said:
        """Return what comes of a batch."""
        said = self._worker.do(job)
        return replace(said, notes=self._notebook.torn_out())

    def stop(self) -> None:
        """Make the threads end soon."""
        self._worker.stop()

    def close(self) -> None:
        """Free what it holds."""
        self._worker.close()


class SizeNotebook:
    """Collects what is to be said to a `BatchSize` that is elsewhere; any thread may write."""

    def __init__(self, has_room: Callable[[], bool]) -> None:
        self._has_room = has_room
        self._lock = threading.Lock()
        self._records: list[tuple[int, float]] = []
        self._too_large: list[int] = []

    def record(self, images: int, seconds: float) -> None:
        """Take note of a batch that was captioned."""
        with self._lock:
            self._records.append((images, seconds))

    def too_large(self, images: int) -> None:
        """Take note of a batch that did not fit the memory."""
        with self._lock:
            self._too_large.append(images)

    def torn_out(self) -> SizeNotes:
        """Return the notes, and begin anew."""
        with self._lock:
            notes = SizeNotes(tuple(self._records), tuple(self._too_large), self._has_room())
            self._records.clear()
            self._too_large.clear()
        return notes


def pixels(width: int, height: int) -> int:
    """Return what an image costs where nobody can ask the model: more pixels, more tokens."""
    return width * height


def _resident_bytes() -> int:
    return psutil.Process().memory_info().rss
