"""How many images a batch: more while more is faster and fits."""

import threading
from collections.abc import Callable

CLEAR_GAIN = 1.05
"""Batches twice as large must caption at least so many times as many images a second."""
SAMPLES = 2
"""Batches of a size that are measured before a larger one is tried; the fastest of them counts,
because others at work on the machine can only make a batch slower."""


class BatchSize:
    """Grows from batch to batch until nothing is gained, and shrinks when one does not fit.

    Any thread may use it.

    Attributes:
        now: images that the next batch should have.
    """

    def __init__(self, first: int, most: int, *, has_room: Callable[[], bool]) -> None:
        """Begin with `first` images, up to `most`; `has_room` tells if twice as many may fit."""
        self.now = first
        self._most = most
        self._has_room = has_room
        self._is_settled = first >= most
        self._rates: list[float] = []
        self._before = 0.0  # images a second with batches half as large
        self._lock = threading.Lock()

    def record(self, images: int, seconds: float) -> None:
        """Take note of a batch that was captioned; only those of the present size count.

        Args:
            images: of the batch.
            seconds: that it took for each token of its longest caption: chance decides how long
                that is.
        """
        with self._lock:
            if self._is_settled or images != self.now:
                return
            self._rates.append(images / max(seconds, 1e-9))
            if len(self._rates) == SAMPLES:
                self._decide(max(self._rates))

    def too_large(self, images: int) -> None:
        """Take note that a batch of `images` did not fit the memory."""
        with self._lock:
            self._most = min(self._most, max(images // 2, 1))
            self.now = min(self.now, self._most)
            self._is_settled = True

    def no_room(self) -> None:
        """Take note that batches twice as large would not fit; it grows no more."""
        with self._lock:
            self._is_settled = True

    def _decide(self, rate: float) -> None:
        self._rates = []
        if rate < CLEAR_GAIN * self._before:
            self.now //= 2
            self._is_settled = True
        elif 2 * self.now <= self._most and self._has_room():
            self.now *= 2
            self._before = rate
        else:
            self._is_settled = True
