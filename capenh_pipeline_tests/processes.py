"""Which processes there are, as `ps` lists them, and waiting for what they do."""

import subprocess
import time
from collections.abc import Callable
from typing import NamedTuple

PATIENCE_S = 300
"""Far beyond any sensible time, on a machine with thirty times the work that it can do too."""

POLL_S, MOST_POLL_S = 0.02, 0.5


class Process(NamedTuple):
    """A process that has not ended: numbers of itself, its parent and its group, and its words."""

    pid: int
    parent: int
    group: int
    command: str


def processes() -> list[Process]:
    """Return all processes but those that have ended and only wait for their parent (zombies)."""
    words = ["ps", "-A", "-ww", "-o", "pid=,ppid=,pgid=,stat=,args="]
    done = subprocess.run(words, capture_output=True, text=True, check=True)  # noqa: S603
    lines = (line.split(maxsplit=4) for line in done.stdout.splitlines())
    return [
        Process(int(pid), int(parent), int(group), " ".join(command))
        for pid, parent, group, state, *command in lines
        if not state.startswith("Z")
    ]


def wait_until(condition: Callable[[], object]) -> None:
    """Return as soon as `condition` holds; if it does not in all of `PATIENCE_S`, it fails.

    What takes long to find out is asked seldom: it is found out beside what it waits for.
    """
    deadline = time.monotonic() + PATIENCE_S
    began = time.monotonic()
    while not condition():
        assert time.monotonic() < deadline
        took_s = time.monotonic() - began
        time.sleep(min(max(POLL_S, 4 * took_s), MOST_POLL_S))
        began = time.monotonic()
