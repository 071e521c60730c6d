"""A limit to the time that hostile bytes may take."""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

from capenh_pipeline.errors import RowError

T = TypeVar("T")


def within(timeout_s: float | None, work: Callable[[], T]) -> T:
    """Return `work()`, or give it up after that many seconds; None is no limit.

    Decoders are C code that nothing can interrupt, so work that takes too long goes on in its
    thread, with its core and its memory, until it ends by itself or the process does: the thread
    is a daemon, and no exit waits for it. A thread costs about 0.05 ms.

    Raises:
        RowError: "timeout"; or whatever `work` raises.
    """
    if timeout_s is None:
        return work()
    outcome: Future[T] = Future()
    thread = Thread(target=_settle, args=(outcome, work), name="limited", daemon=True)
    thread.start()
    thread.join(timeout_s)
    if not outcome.done():
        raise RowError("timeout", f"Reading the image took more than {timeout_s:g} seconds.")
    return outcome.result()


def _settle(outcome: Future[T], work: Callable[[], T]) -> None:
    try:
        outcome.set_result(work())
    except BaseException as error:  # noqa: BLE001  # the thread that waits raises it
        outcome.set_exception(error)
