"""A worker in a Ray actor. Ray's own modules are not needed to define it."""

from importlib.metadata import version
from typing import Any

from capenh_pipeline.engines.base import MakeWorker, Worker

MOST_ROOM = 32
"""Threads of an actor; they are fixed before its worker says how much room it has."""


class RayWorker:
    """The class of the actors; one of them has one worker."""

    def __init__(self) -> None:
        self._worker: Worker[Any, Any]

    def begin(self) -> str:
        """Return the version of the program on this node."""
        return version("capenh_pipeline")

    def make(self, make: MakeWorker[Any, Any]) -> tuple[Any, int]:
        """Make the worker, and return its facts and room."""
        self._worker = make()
        return self._worker.facts, min(self._worker.room, MOST_ROOM)

    def do(self, job: Any) -> Any:
        """Return what the worker makes of a job."""
        return self._worker.do(job)
