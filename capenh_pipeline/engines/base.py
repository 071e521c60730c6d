"""The seam between a stage that has batches and whatever works on them."""

from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, Self, TypeVar


class Job(Protocol):
    """A batch: what a worker is given at once, and what one answer is about."""

    def halves(self) -> Sequence[Self]:
        """Return two jobs that are this one together, or none if it cannot be halved."""
        ...


J = TypeVar("J", bound=Job)
J_in = TypeVar("J_in", bound=Job, contravariant=True)
R = TypeVar("R")
R_out = TypeVar("R_out", covariant=True)


class Worker(Protocol[J_in, R_out]):
    """Something with a state that is dear to make, such as a loaded model.

    Attributes:
        facts: what the side that has the jobs wants to know of it.
        room: jobs that it should be given at once; `do` is called in as many threads.
    """

    facts: Any
    room: int

    def do(self, job: J_in) -> R_out:
        """Return what comes of a job; what is wrong with a row of it is part of that.

        Raises:
            CapenhError: the run cannot go on.
            WorkerLostError: this worker is of no use any more, another one may be.
        """
        ...

    def stop(self) -> None:
        """Make every call of `do` end soon, with `Stopped`."""
        ...

    def close(self) -> None:
        """Free what it holds."""
        ...


MakeWorker = Callable[[], Worker[J, R]]
"""Makes a worker where it is to work; pickled on its way there."""


@dataclass(frozen=True)
class Lost(Generic[J]):
    """A job that cannot be halved and ended every worker that had it to itself.

    Attributes:
        job: the one.
        why: how the last of them ended, in a few words.
    """

    job: J
    why: str


class Engine(Protocol[J, R_out]):
    """Works on batches somewhere."""

    @property
    def facts(self) -> Any:
        """What the workers are like; the first one is waited for."""
        ...

    @property
    def room(self) -> int:
        """Jobs that one worker is given at once."""
        ...

    @property
    def workers(self) -> int:
        """How many there are to be."""
        ...

    def run(self, jobs: Iterable[J]) -> Generator[R_out | Lost[J]]:
        """Yield what comes of each job, in any order; close it to stop early.

        Jobs are taken as workers become free for them, and none while nobody takes results: at
        most `workers * room` jobs, in this process two more, are taken and not done with, and a
        result is done with when the next one is asked for. So much is lost with whoever runs it,
        if results are kept as they come. It may be called again when it has ended.

        Raises:
            CapenhError: a worker has said that the run cannot go on, or none is left.
        """
        ...

    def close(self) -> None:
        """End the workers."""
        ...
