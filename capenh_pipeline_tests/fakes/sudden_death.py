"""A process that dies at its k-th step on the disk, without a process to be killed.

Python tells its audit hooks of each file that it opens, renames or deletes, before it does so. From
the k-th of them on, each is refused with an exception that nobody catches: as after `kill -9`,
nothing more reaches the disk, whatever the code does to tidy up.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

STEPS = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.truncate"}


class Died(BaseException):
    """The process is dead."""


class _Watch:
    """The one hook of this process; hooks cannot be taken out again."""

    root: str | None = None
    steps = 0
    last = 0

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.root is None or event not in STEPS or not self._is_write(event, arguments):
            return
        self.steps += 1
        if self.steps > self.last:
            raise Died

    def _is_write(self, event: str, arguments: tuple[Any, ...]) -> bool:
        path = arguments[0]
        if not isinstance(path, (str, Path)) or not str(path).startswith(self.root or ""):
            return False
        mode = arguments[1] if event == "open" else "w"
        return isinstance(mode, str) and any(letter in mode for letter in "wax+")


_WATCH = _Watch()
sys.addaudithook(_WATCH)


def dies_after(steps: int, folder: Path, work: Callable[[], object]) -> bool:
    """Do `work`, and die after so many steps on the disk below `folder`.

    Returns:
        Whether it died; False: it was done with fewer.
    """
    _WATCH.root, _WATCH.steps, _WATCH.last = str(folder), 0, steps
    try:
        work()
    except Died:
        return True
    finally:
        _WATCH.root = None
    return False
