"""Batches in the threads of this process: nothing is pickled and nobody is started."""

from collections.abc import Generator, Iterable
from contextlib import closing
from typing import Generic

from capenh_pipeline.engines.base import J, Lost, R, Worker
from capenh_pipeline.engines.read_ahead import read_ahead


class InProcess(Generic[J, R]):
    """The one worker that is here (`engines.base.Engine`); what ends it ends the run."""

    workers = 1

    def __init__(self, worker: Worker[J, R]) -> None:
        self._worker = worker
        self.facts = worker.facts
        self.room = worker.room

    def run(self, jobs: Iterable[J]) -> Generator[R | Lost[J]]:
        """Yield what comes of each job, in their order."""
        work, stop = self._worker.do, self._worker.stop
        with closing(read_ahead(jobs, work, workers=self.room, stop=stop)) as results:
            yield from results

    def close(self) -> None:
        """Free what the worker holds."""
        self._worker.close()
