"""A bound on the memory that threads take together."""

import threading

from capenh_pipeline.errors import Stopped


class MemoryBound:
    """Lets threads take memory while their sum stays below a bound.

    What is larger than the bound alone waits until nobody else holds any, and then has its way:
    it is bounded by being one.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._taken = 0
        self._is_stopped = False
        self._changed = threading.Condition()

    def take(self, size_bytes: int) -> "Share":
        """Return `size_bytes` as soon as they are free.

        Raises:
            Stopped: `stop` was called.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._is_stopped or self._fits(size_bytes))
            if self._is_stopped:
                raise Stopped
            self._taken += size_bytes
        return Share(self, size_bytes)

    def give_back(self, size_bytes: int) -> None:
        """Let others have it."""
        with self._changed:
            self._taken -= size_bytes
            self._changed.notify_all()

    def stop(self) -> None:
        """Let nobody take or wait for any more."""
        with self._changed:
            self._is_stopped = True
            self._changed.notify_all()

    def _fits(self, size_bytes: int) -> bool:
        return self._taken == 0 or self._taken + size_bytes <= self._most


class Share:
    """Memory that somebody took; it can be given back by anybody, and once."""

    def __init__(self, bound: MemoryBound, size_bytes: int) -> None:
        self._bound = bound
        self._held = [size_bytes]

    def give_back(self) -> None:
        """Let others have it; a second time does nothing."""
        try:
            size_bytes = self._held.pop()  # one thread gets it
        except IndexError:
            return
        self._bound.give_back(size_bytes)
