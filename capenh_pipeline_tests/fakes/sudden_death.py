"""A process that dies at its k-th step on the disk, or a disk that fails at it, without either.

Python tells its audit hooks of each file that it opens to write, renames or deletes, before it does
so, and they can refuse it, or let somebody else act first. Death refuses all steps from the k-th on
with an exception that nobody catches: as after `kill -9`, nothing more reaches the disk, whatever
the code does to tidy up. A fault of the disk refuses one.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

STEPS = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.truncate"}


class Died(BaseException):
    """The process is dead."""


class _Watch:
    """The one hook of this process; hooks cannot be taken out again."""

    root: str | None = None
    steps = 0
    counts_reads = False
    refuse: Callable[[int], None] = staticmethod(lambda step: None)

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.root is not None and event in STEPS and self._is_write(event, arguments):
            self.steps += 1
            self.refuse(self.steps)

    def _is_write(self, event: str, arguments: tuple[Any, ...]) -> bool:
        path = arguments[0]
        if not isinstance(path, (str, Path)) or not str(path).startswith(self.root or ""):
            return False
        mode = arguments[1] if event == "open" else "w"
        return isinstance(mode, str) and (
            self.counts_reads or any(letter in mode for letter in "wax+")
        )


_WATCH = _Watch()
sys.addaudithook(_WATCH)


def dies_after(steps: int, folder: Path, work: Callable[[], object]) -> bool:
    """Do `work`, and die after so many steps on the disk below `folder`.

    Returns:
        Whether it died; False: it was done with fewer.
    """

    def die(step: int) -> None:
        if step > steps:
            raise Died

    try:
        _watched(folder, work, die)
    except Died:
        return True
    return False


def failing_at(step: int, error: int, folder: Path, work: Callable[[], T]) -> tuple[T, bool]:
    """Do `work` on a disk that fails at a step below `folder`.

    Args:
        step: the first one is 0.
        error: as in `errno`.
        folder: others are of another disk.
        work: what is done.

    Returns:
        What it returned, and whether there were so many steps.
    """

    def fail(number: int) -> None:
        if number == step + 1:
            raise OSError(error, os.strerror(error))

    done = _watched(folder, work, fail)
    return done, _WATCH.steps > step


def joined_at(
    step: int,
    folder: Path,
    other: Callable[[], object],
    work: Callable[[], T],
    *,
    counts_reads: bool = False,
) -> bool:
    """Do `work`, and all of `other` just before a step on the disk below `folder`; 0 is the first.

    A file that is opened to be read is a step too where that is asked for.

    Returns:
        Whether there were so many steps.
    """

    def join(number: int) -> None:
        if number == step + 1:
            _WATCH.root = None
            other()
            _WATCH.root = str(folder)

    _WATCH.counts_reads = counts_reads
    try:
        _watched(folder, work, join)
    finally:
        _WATCH.counts_reads = False
    return _WATCH.steps > step


def _watched(folder: Path, work: Callable[[], T], refuse: Callable[[int], None]) -> T:
    _WATCH.root, _WATCH.steps, _WATCH.refuse = str(folder), 0, refuse
    try:
        return work()
    finally:
        _WATCH.root = None
