"""A worker as the dispatcher sees it, and the jobs that it has."""

from dataclasses import dataclass, field
from typing import Generic

from capenh_pipeline.engines.base import J


@dataclass(eq=False)
class Entry(Generic[J]):
    """A job that was taken.

    Attributes:
        job: the one.
        strikes: workers that it has ended, each of which had nothing else.
    """

    job: J
    strikes: int = 0


@dataclass(eq=False)
class Hand(Generic[J]):
    """A worker.

    Attributes:
        place: where it is.
        has_begun: whether it exists.
        room: jobs that it should have at once; 0 until it is ready.
        is_alone: whether its one job is a suspect.
        under_way: its jobs by their tickets.
        heard: when it last said something, or was given a job while it had none.
    """

    place: int
    has_begun: bool = False
    room: int = 0
    is_alone: bool = False
    under_way: dict[int, Entry[J]] = field(default_factory=dict)
    heard: float = 0.0

    @property
    def is_free(self) -> bool:
        """Whether it may be given one more job."""
        return not self.is_alone and len(self.under_way) < self.room

    def give(self, ticket: int, entry: Entry[J], *, now: float) -> None:
        """Take note that it was given a job."""
        if not self.under_way:
            self.heard = now
        self.under_way[ticket] = entry

    def is_hung(self, *, now: float, batch_timeout_s: float) -> bool:
        """Return whether it has jobs and has finished none of them for so long.

        Nobody knows which of its jobs it is at: it is enough that it finishes some, and one that
        hangs in it is left over at last.
        """
        return bool(self.under_way) and now - self.heard > batch_timeout_s
