"""Batches to workers that may die: every one is done once, and no batch can end the run.

What was under way in a worker that dies, or hangs and is ended for that, is *suspect*: several
batches are in work at once, so any of them may have ended it. A suspect is tried again in a worker
of its own, and only what ends a worker there is guilty: a batch is then halved, and an image that
does so twice is lost.
"""

import itertools
import logging
import math
import time
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any, Generic

from capenh_pipeline.engines.base import J, Lost, R
from capenh_pipeline.engines.hand import Entry, Hand
from capenh_pipeline.engines.pool import Begun, Died, Done, Event, Failed, Pool, Ready
from capenh_pipeline.errors import CapenhError, ModelError, WorkerLostError

logger = logging.getLogger(__name__)

LOOK_S = 1.0
"""So often it is looked for places without a worker."""
STARTS = 3
"""So often in a row a worker may die at a place before it is ready; then the place is left out."""
STRIKES = 2
"""So many workers a batch that cannot be halved may end, having each to itself."""
MOST_DEATHS = 30
"""So many workers, and two for each place, may die before any job is done: then it is not the
jobs. One image that ends its worker takes 12 of them in a batch of 512."""


class Dispatcher(Generic[J, R]):
    """Has the jobs done by a pool's workers (`engines.base.Engine`)."""

    def __init__(
        self,
        pool: Pool,
        *,
        batch_timeout_s: float = math.inf,
        most_deaths: int = MOST_DEATHS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start the workers.

        Args:
            pool: has them.
            batch_timeout_s: a worker that has jobs and has finished none for so long is ended.
            most_deaths: so many, and two for each place, in a row end the run.
            clock: in seconds.
        """
        self._pool = pool
        self._batch_timeout_s = batch_timeout_s
        self._most_deaths = most_deaths
        self._clock = clock
        self._hands: dict[int, Hand[J]] = {}
        self._numbers = itertools.count()
        self._suspects: deque[Entry[J]] = deque()
        self._failed_starts: Counter[int] = Counter()
        self._left_out: dict[int, str] = {}
        self._deaths = 0
        self._facts: Any = None
        self._room = 1
        self._looked = self._somebody = clock()
        self.workers = pool.places()
        self._staff()

    @property
    def facts(self) -> Any:
        """What the workers are like; it is waited for until the first one is ready."""
        try:
            while self._facts is None:
                for event in self._heard():
                    self._take(event)
        except BaseException:  # Ctrl-C too: no worker outlives it
            self.close()
            raise
        return self._facts

    @property
    def room(self) -> int:
        """Jobs that one worker is given at once."""
        return self._room

    def run(self, jobs: Iterable[J]) -> Generator[R | Lost[J]]:
        """Yield what comes of each job, as they are finished.

        A worker gets its next job after the result of its last was stored, so that no more than
        it has room for is ever at stake; it has others in the meantime.
        """
        source = iter(jobs)
        is_dry = self._fill(source)
        while not is_dry or self._suspects or self._is_under_way():
            for event in self._heard():
                yield from self._take(event)
                is_dry = self._fill(source)

    def _is_under_way(self) -> bool:
        return any(hand.under_way for hand in self._hands.values())

    def close(self) -> None:
        """End the workers."""
        self._hands.clear()
        self._pool.close()

    def _heard(self) -> list[Event]:
        events = self._pool.wait(LOOK_S)
        now = self._clock()
        if now - self._looked >= LOOK_S:
            self._looked = now
            self._staff()
        if any(hand.has_begun for hand in self._hands.values()):
            self._somebody = now
        elif now - self._somebody > self._pool.patience_s and not events:
            raise ModelError(self._pool.nobody)
        return [*events, *self._hung(events, now)]

    def _hung(self, events: list[Event], now: float) -> list[Event]:
        """Return the end of each worker that hangs.

        `events` were waited for just now, so they have what was said while results were stored.
        """
        for event in events:
            if hand := self._hands.get(event.worker):
                hand.heard = now
        why = f"it hung: no batch was finished in {self._batch_timeout_s:g} s"
        limit_s = self._batch_timeout_s
        return [
            Died(worker, why)
            for worker, hand in self._hands.items()
            if hand.is_hung(now=now, batch_timeout_s=limit_s)
        ]

    def _staff(self) -> None:
        """Start a worker at each place that has none."""
        self.workers = self._pool.places()
        staffed = {hand.place for hand in self._hands.values()}
        for place in range(self.workers):
            if place not in staffed and place not in self._left_out:
                worker = next(self._numbers)
                self._hands[worker] = Hand(place)
                self._pool.start(worker, place)
        if not self._hands:
            reasons = " ".join(dict.fromkeys(self._left_out.values()))
            raise ModelError(f"No worker can be started: {reasons}")

    def _fill(self, source: Iterator[J]) -> bool:
        """Give jobs to whoever is free, and return whether there are no more."""
        while (worker := self._freest()) is not None:
            hand = self._hands[worker]
            if self._suspects and not hand.under_way:
                hand.is_alone = True
                self._give(worker, hand, self._suspects.popleft())
            elif (job := next(source, None)) is not None:
                self._give(worker, hand, Entry(job))
            else:
                return True
        return False

    def _freest(self) -> int | None:
        """Return the worker that is to be given the next job; it has the fewest."""
        free = [worker for worker, hand in self._hands.items() if hand.is_free]
        least = min(free, key=self._load, default=None)
        if not self._suspects or least is None or not self._load(least):
            return least
        if not any(hand.is_alone for hand in self._hands.values()):
            free.remove(least)  # it is to run dry, for a suspect
        return min(free, key=self._load, default=None)

    def _load(self, worker: int) -> int:
        return len(self._hands[worker].under_way)

    def _give(self, worker: int, hand: Hand[J], entry: Entry[J]) -> None:
        ticket = next(self._numbers)
        hand.give(ticket, entry, now=self._clock())
        self._pool.give(worker, ticket, entry.job)

    def _take(self, event: Event) -> list[R | Lost[J]]:
        """Take note of an event, and return what is finished by it."""
        hand = self._hands.get(event.worker)
        if hand is None:  # it was given up before
            return []
        match event:
            case Begun():
                hand.has_begun = True
            case Ready():
                hand.room = self._room = event.room
                self._failed_starts[hand.place] = 0
                self._facts = self._facts or event.facts
            case Done():
                self._deaths = 0
                hand.is_alone = False
                del hand.under_way[event.ticket]
                return [event.result]
            case Failed():
                return self._failed(event, hand)
            case Died():
                return self._died(event.worker, hand, event.why)
        return []

    def _failed(self, event: Failed, hand: Hand[J]) -> list[R | Lost[J]]:
        if isinstance(event.error, WorkerLostError):
            return self._died(event.worker, hand, str(event.error))
        if event.ticket is not None or not isinstance(event.error, CapenhError):
            raise event.error
        if self._facts is None and len(self._hands) == 1:
            raise event.error  # nobody else could be better off
        self._leave_out(hand.place, str(event.error))
        return self._died(event.worker, hand, str(event.error))

    def _died(self, worker: int, hand: Hand[J], why: str) -> list[R | Lost[J]]:
        """Take note that a worker is gone, and have another one in its place."""
        del self._hands[worker]
        self._pool.end(worker)
        entries = list(hand.under_way.values())
        if not hand.room:
            self._count_failed_start(hand.place, why)
        else:
            self._count_death(why)
            logger.warning(
                "A worker has ended (%s); batches to be tried again: %d.", why, len(entries)
            )
        self._staff()
        if hand.is_alone:
            return self._guilty(entries[0], why)
        self._suspects.extend(entries)
        return []

    def _guilty(self, entry: Entry[J], why: str) -> list[R | Lost[J]]:
        """Take note of a job that has ended a worker of its own."""
        halves = entry.job.halves()
        entry.strikes += 1
        if halves:
            self._suspects.extendleft(Entry(half) for half in reversed(halves))
        elif entry.strikes < STRIKES:
            self._suspects.appendleft(entry)
        else:
            return [Lost(entry.job, why)]
        return []

    def _count_failed_start(self, place: int, why: str) -> None:
        if place in self._left_out:
            return
        logger.warning("A worker has ended while it started (%s).", why)
        self._failed_starts[place] += 1
        if self._failed_starts[place] == STARTS:
            self._leave_out(place, f"it ended {STARTS} times while it started ({why}).")

    def _count_death(self, why: str) -> None:
        self._deaths += 1
        if self._deaths >= self._most_deaths + 2 * self.workers:
            raise ModelError(
                f"{self._deaths} workers have ended one after the other without finishing a "
                f"batch, the last one so: {why}"
            )

    def _leave_out(self, place: int, why: str) -> None:
        logger.warning("Worker %d is left out: %s", place, why)
        self._left_out[place] = why
