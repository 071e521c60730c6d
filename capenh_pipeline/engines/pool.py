"""The seam below the dispatcher: workers elsewhere, and what is heard of them."""

from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class Begun:
    """A worker exists and makes itself ready, which may take long."""

    worker: int


@dataclass(frozen=True)
class Ready:
    """A worker may be given jobs; `facts` and `room` are as in `engines.base.Worker`."""

    worker: int
    facts: Any
    room: int


@dataclass(frozen=True)
class Done:
    """A job was done."""

    worker: int
    ticket: int
    result: Any


@dataclass(frozen=True)
class Failed:
    """A worker raised an error, in a job, or while it made itself ready: then without a ticket."""

    worker: int
    ticket: int | None
    error: Exception


@dataclass(frozen=True)
class Died:
    """A worker is gone; `why` is a few words."""

    worker: int
    why: str


Event = Begun | Ready | Done | Failed | Died


class Pool(Protocol):
    """Has workers at places (a device, a slot of a cluster), at most one at each.

    A worker is known by a number that the caller gives to it. What is done to one that is gone,
    or was never there, is nothing.

    Attributes:
        patience_s: so long nobody at all may exist before the run ends.
        nobody: what the user is told then.
    """

    patience_s: float
    nobody: str

    def places(self) -> int:
        """Return how many places there are now; it is called every second or so."""
        ...

    def start(self, worker: int, place: int) -> None:
        """Have a worker at a place, counted from 0; `Begun` and `Ready` follow, or the end."""
        ...

    def give(self, worker: int, ticket: int, job: Any) -> None:
        """Give a job to a worker; `Done` or `Failed` follows with this ticket, or the end."""
        ...

    def wait(self, timeout_s: float) -> list[Event]:
        """Return what has happened, as soon as anything has."""
        ...

    def end(self, worker: int) -> None:
        """End a worker at once, whatever it does."""
        ...

    def close(self) -> None:
        """End all workers, and wait until they have gone."""
        ...
