"""How a user sees that a stage moves on."""

import logging
import threading
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol, TextIO

from tqdm import tqdm

LINE_INTERVAL_S = 5.0


class Progress(Protocol):
    """Told of every stage that has work to do."""

    def stage(self, name: str, total: int) -> AbstractContextManager[Callable[[], None]]:
        """Begin a stage of `total` steps; call what is yielded once a step."""
        ...


class BarProgress:
    """One bar a stage, for a terminal."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    @contextmanager
    def stage(self, name: str, total: int) -> Generator[Callable[[], None]]:
        """Draw a bar of `total` steps."""
        with tqdm(total=total, desc=name, file=self._stream, unit="", smoothing=0.1) as bar:

            def step() -> None:
                bar.update()

            yield step


class LineProgress:
    """One line every few seconds, for logs and pipes."""

    def __init__(
        self, write: Callable[[str], object], *, interval_s: float = LINE_INTERVAL_S
    ) -> None:
        self._write = write
        self._interval_s = interval_s

    @contextmanager
    def stage(self, name: str, total: int) -> Generator[Callable[[], None]]:
        """Write a line at the start, at the end, and every few seconds whether or not it moves."""
        done, is_over = 0, threading.Event()

        def step() -> None:
            nonlocal done
            done += 1

        def watch() -> None:
            while not is_over.wait(self._interval_s):
                self._write(f"{name}: {done} of {total}")

        self._write(f"{name}: {total} to do")
        watcher = threading.Thread(target=watch, name="progress", daemon=True)
        watcher.start()
        try:
            yield step
        finally:
            is_over.set()
            watcher.join()
        self._write(f"{name}: {done} of {total} done")


def log_progress() -> LineProgress:
    """Return progress lines in the log, which a Dagster run shows."""
    return LineProgress(logging.getLogger("capenh_pipeline").info)
