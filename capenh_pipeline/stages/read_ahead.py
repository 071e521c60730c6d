"""Work done in threads a little ahead of whoever uses its results."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def read_ahead(tasks: Iterable[T], work: Callable[[T], R], *, workers: int) -> Generator[R]:
    """Yield `work(task)` for each task in order, done in threads at most `workers + 1` ahead."""
    with ThreadPoolExecutor(workers, thread_name_prefix="prepare") as pool:
        ahead: deque[Future[R]] = deque()
        try:
            for task in tasks:
                ahead.append(pool.submit(work, task))
                if len(ahead) > workers + 1:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
