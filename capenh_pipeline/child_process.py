"""Processes of our own that work for this one, and end when it does."""

import subprocess
import sys
from multiprocessing import Pipe
from multiprocessing.connection import Connection


def start_child(module: str) -> tuple[subprocess.Popen[bytes], Connection]:
    """Start `python -m module FD` and return it with the connection that it has as FD.

    It is a new process, not a copy of this one: what threads and libraries hold here does not live
    through a fork. Ctrl-C is for this one: the child is to end when its connection does, so that it
    never outlives this process.
    """
    connection, theirs = Pipe()
    with theirs:
        process = subprocess.Popen(  # noqa: S603  # our own interpreter
            # -P: no Python file of the user's working folder is taken for a library's.
            [sys.executable, "-P", "-m", module, str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr.fileno(),  # what a library prints is no output of ours
            process_group=0,
        )
    return process, connection
