"""A bound on the memory that threads take together."""

import threading
from collections.abc import Generator
from contextlib import contextmanager


class MemoryBound:
    """Lets threads take memory while their sum stays below a bound.

    What is larger than the bound alone waits until nobody else holds any, and then has its way:
    it is bounded by being one.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._taken = 0
        self._changed = threading.Condition()

    @contextmanager
    def taken(self, size_bytes: int) -> Generator[None]:
        """Hold `size_bytes`; wait until they are free."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._taken == 0 or self._taken + size_bytes <= self._most
            )
            self._taken += size_bytes
        try:
            yield
        finally:
            with self._changed:
                self._taken -= size_bytes
                self._changed.notify_all()
