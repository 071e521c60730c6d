"""An event loop behind a plain function call, safe to interrupt."""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from queue import SimpleQueue
from threading import Thread
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from capenh_pipeline.waiting import next_of, result_of

T = TypeVar("T")
R = TypeVar("R")


class EventLoopThread:
    """`with EventLoopThread() as loop:` runs coroutines in a thread of its own.

    The caller's thread only waits. An exception that a signal handler raises there (Ctrl-C, or
    Dagster's interrupt, which is no `KeyboardInterrupt`) comes out of the waiting; in a loop of
    that thread it would land in whichever coroutine runs just then, and be lost in it. However
    the block is left, what still runs is cancelled, and then what `on_close` was given is run.
    """

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: Thread | None = None
        self._closers: list[Callable[[], Coroutine[Any, Any, None]]] = []

    def __enter__(self) -> Self:
        return self  # the thread starts later: an interrupt in here would leave it running

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._loop is None:
            return
        if self._thread is not None and self._thread.is_alive():
            asyncio.run_coroutine_threadsafe(self._wind_up(), self._loop).result()
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
        self._loop.close()

    def submit(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        """Start `coroutine` and return at once."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._running_loop())

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Return what `coroutine` returns."""
        return result_of(self.submit(coroutine))

    def soon(self, function: Callable[[], object]) -> None:
        """Have the loop call `function`, and return at once."""
        self._running_loop().call_soon_threadsafe(function)

    def on_close(self, closer: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run `closer` in the loop at the end, when nothing else runs any more."""
        self._closers.append(closer)

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread = Thread(target=self._loop.run_forever, name="llm", daemon=True)
            self._thread.start()
        return self._loop

    async def _wind_up(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        for closer in self._closers:
            await closer()
        loop = asyncio.get_running_loop()
        await loop.shutdown_asyncgens()
        await loop.shutdown_default_executor()


class Flight(Generic[T, R]):
    """Items that are worked on in an event loop, at most `limit` at a time.

    The caller's thread adds items and is handed results, in the order in which they get ready. As
    many items again may wait in the loop: who is done with one goes on with the next at once,
    without a turn of the caller's thread, which would bring many requests into step.

    A result stays here until whoever it was handed to returns. Taken out before, it would be lost
    whenever a signal handler raises between the taking and the next line: the caller's thread
    wakes up some milliseconds after the result got ready, and a signal of that time is seen then.
    """

    def __init__(
        self, loop: EventLoopThread, work: Callable[[T], Coroutine[Any, Any, R]], *, limit: int
    ) -> None:
        self._loop = loop
        self._work = work
        self._limit = limit
        self._waiting: deque[T] = deque()
        self._workers: set[asyncio.Task[None]] = set()
        self._busy = 0
        self._count = 0
        self._ready: deque[R | BaseException] = deque()
        self._news: SimpleQueue[None] = SimpleQueue()  # one for each that is ready

    @property
    def is_empty(self) -> bool:
        """Whether every result was handed over."""
        return self._count == 0

    @property
    def is_due(self) -> bool:
        """Whether a result must be handed over before the next item, or can be without waiting."""
        return self._count >= 2 * self._limit or bool(self._ready)

    def add(self, item: T) -> None:
        """Start the work on `item` as soon as it is its turn."""
        self._count += 1
        self._waiting.append(item)
        self._loop.soon(self._let_work)

    def hand_over(self, emit: Callable[[R], object]) -> None:
        """Wait for the next result and give it to `emit`; what the work raised is raised here."""
        next_of(self._news)
        result = self._ready[0]
        if isinstance(result, BaseException):
            raise result
        emit(result)
        self._ready.popleft()
        self._count -= 1

    def hand_over_rest(self, emit: Callable[[R], object]) -> None:
        """Give `emit` every result that is ready, and the one that it did not return from."""
        for result in list(self._ready):
            if not isinstance(result, BaseException):
                emit(result)

    def _let_work(self) -> None:
        if self._waiting and self._busy < self._limit:
            self._busy += 1
            worker = asyncio.get_running_loop().create_task(self._work_on())
            self._workers.add(worker)
            worker.add_done_callback(self._note_end)

    async def _work_on(self) -> None:
        while self._waiting and self._limit:
            self._note(await self._work(self._waiting.popleft()))
        self._busy -= 1

    def _note(self, result: R | BaseException) -> None:
        self._ready.append(result)
        self._news.put(None)

    def _note_end(self, worker: asyncio.Task[None]) -> None:
        self._workers.discard(worker)
        if not worker.cancelled() and (error := worker.exception()) is not None:
            self._limit = 0  # nothing is begun any more
            self._note(error)
