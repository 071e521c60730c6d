"""A limit to the time that hostile bytes may take."""

import math
import time
from collections.abc import Callable, Sequence
from concurrent import futures
from concurrent.futures import Future
from threading import TIMEOUT_MAX, Thread
from typing import Any, TypeVar

from capenh_pipeline.errors import RowError
from capenh_pipeline.waiting import settle, started

T = TypeVar("T")
R = TypeVar("R")

Begin = Callable[[Callable[[], None]], None]
"""Starts the clock of an item; takes what is called if it is given up."""

_LOOK_S = 1.0
"""So often it is looked whether an item has begun."""


def within(timeout_s: float, work: Callable[[], T]) -> T:
    """Return `work()`, or give it up after that many seconds.

    Decoders are C code that nothing can interrupt, so work that takes too long goes on in its
    thread, with its core and its memory, until it ends by itself or the process does: the thread
    is a daemon, and no exit waits for it. A thread costs about 0.05 ms.

    Raises:
        RowError: "timeout"; or whatever `work` raises.
    """
    outcome = started(work)
    if not futures.wait([outcome], min(timeout_s, TIMEOUT_MAX)).done:
        raise _late(timeout_s)
    return outcome.result()


def each_within(
    timeout_s: float, work: Callable[[T, Begin], R], items: Sequence[T]
) -> list[R | RowError]:
    """Return `work(item, begin)` for each item, or a `RowError` for one that took too long.

    They are done in turn by one thread, so that a limit costs next to nothing; after one that is
    given up as in `within`, another thread goes on.

    Args:
        timeout_s: seconds from when `work` calls `begin`; what it gives to it is called when the
            item is given up.
        work: what is done to an item.
        items: in their order.

    Raises:
        Exception: whatever `work` raises.
    """
    results: list[R | RowError] = []
    while len(results) < len(items):
        turn = _Turn(work, items[len(results) :])
        turn.start()
        results += turn.wait(timeout_s)
    return results


class _Turn(Thread):
    """Works on items until they are done, one raises, or nobody waits any more."""

    def __init__(self, work: Callable[[Any, Begin], Any], items: Sequence[Any]) -> None:
        super().__init__(name="limited", daemon=True)
        self._work, self._items = work, items
        self._results: list[Any] = []
        self._began = math.inf
        self._is_given_up = False
        self._on_late: Callable[[], None] = lambda: None
        self._outcome: Future[None] = Future()

    def run(self) -> None:
        settle(self._outcome, self._run)

    def wait(self, timeout_s: float) -> list[Any]:
        """Return the results, up to and with the error of an item that takes too long."""
        while True:
            done, began = len(self._results), self._began
            left = min(began + timeout_s - time.monotonic(), _LOOK_S)
            if futures.wait([self._outcome], max(left, 0)).done:
                self._outcome.result()
                return self._results
            is_late = time.monotonic() > began + timeout_s
            if is_late and (done, began) == (len(self._results), self._began):
                self._is_given_up = True
                self._on_late()
                return [*self._results[:done], _late(timeout_s)]

    def _run(self) -> None:
        for item in self._items:
            self._began = math.inf
            result = self._work(item, self._begin)
            if self._is_given_up:
                return
            self._results.append(result)

    def _begin(self, on_late: Callable[[], None]) -> None:
        self._on_late = on_late
        self._began = time.monotonic()


def _late(timeout_s: float) -> RowError:
    return RowError("timeout", f"Reading the image took more than {timeout_s:g} seconds.")
