"""Work done in threads a little ahead of whoever uses its results."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from capenh_pipeline.waiting import result_of

T = TypeVar("T")
R = TypeVar("R")


def read_ahead(
    tasks: Iterable[T],
    work: Callable[[T], R],
    *,
    workers: int,
    stop: Callable[[], None] = lambda: None,
) -> Generator[R]:
    """Yield `work(task)` for each task in order, done in threads at most `workers + 1` ahead.

    Args:
        tasks: what is to be done.
        work: does it.
        workers: threads.
        stop: makes the calls of `work` end soon; called when it ends before all tasks are done,
            whatever the reason, and then the threads are waited for.
    """
    with ThreadPoolExecutor(workers, thread_name_prefix="prepare") as pool:
        ahead: deque[Future[R]] = deque()
        try:
            for task in tasks:
                ahead.append(pool.submit(work, task))
                if len(ahead) > workers + 1:
                    yield result_of(ahead.popleft())
            while ahead:
                yield result_of(ahead.popleft())
        except BaseException:  # an interruption or the end of the generator too
            stop()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
