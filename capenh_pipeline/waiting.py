"""Waits of unknown length that Ctrl-C ends.

Python runs the handler of a signal between two instructions of the main thread. If the signal comes
in the moment before that thread starts to wait, or another thread takes it, the handler runs when
the wait is over and not before (python/cpython#85300). So a long wait is made of short ones.
"""

from concurrent.futures import Future
from queue import Empty, SimpleQueue
from typing import TypeVar

T = TypeVar("T")

_LOOK_S = 0.2


def result_of(future: Future[T]) -> T:
    """Return the result of `future` as soon as it has one, or raise its error."""
    while True:
        try:
            return future.result(_LOOK_S)
        except TimeoutError:
            if future.done():
                return future.result()


def next_of(queue: SimpleQueue[T]) -> T:
    """Return the next item of `queue` as soon as there is one."""
    while True:
        try:
            return queue.get(timeout=_LOOK_S)
        except Empty:
            continue
