"""Which processes there are, as `ps` lists them."""

import subprocess
from typing import NamedTuple


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
