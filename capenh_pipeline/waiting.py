"""Work in other threads, and waits for it of unknown length that Ctrl-C ends.

Python runs the handler of a signal between two instructions of the main thread. If the signal comes
in the moment before that thread starts to wait, or another thread takes it, the handler runs when
the wait is over and not before (python/cpython#85300). So a long wait is made of short ones.
"""

from collections.abc import Callable
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from threading import Thread
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


def started(work: Callable[[], T]) -> Future[T]:
    """Do `work` in a thread of its own, which no exit of the process waits for."""
    outcome: Future[T] = Future()
    Thread(target=settle, args=(outcome, work), daemon=True).start()
    return outcome


def settle(outcome: Future[T], work: Callable[[], T]) -> None:
    """Do `work`, and give `outcome` what it returns or raises."""
    try:
        outcome.set_result(work())
    except BaseException as error:  # noqa: BLE001  # the thread that waits raises it
        outcome.set_exception(error)
