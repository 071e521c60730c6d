"""A walk that other processes help with: most of its time is one system call a file.

`python -m capenh_pipeline.dataset.walk_process FD` lists folders that it is sent on a connection.
"""

import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait

from capenh_pipeline.child_process import start_child
from capenh_pipeline.dataset.walk import Walk

FOLDERS_AT_ONCE = 8
"""Folders that a process is given; it sends back the sub-folders that it has found in them."""

_MODULE = "capenh_pipeline.dataset.walk_process"


def walk_together(walk: Walk, processes: int) -> None:
    """Go on with a walk until it is through.

    Args:
        walk: that has listed at least its root.
        processes: besides this one, which lists folders too.

    Raises:
        EOFError: a process has ended before its time.
        ConnectionError: the same.
    """
    with _helpers(walk, processes) as idle:
        busy: list[Connection] = []
        while walk.pending or busy:
            while walk.pending and idle:
                helper = idle.pop()
                helper.send([walk.pending.pop() for _ in walk.pending[:FOLDERS_AT_ONCE]])
                busy.append(helper)
            if walk.pending:
                walk.go_on()
            answered = wait(busy, timeout=0 if walk.pending else None)
            for helper in [one for one in busy if one in answered]:
                _take(walk, helper)
                busy.remove(helper)
                idle.append(helper)
        for helper in idle:
            helper.send([])
            _take(walk, helper)
            walk.add(helper.recv())


def _take(walk: Walk, helper: Connection) -> None:
    """Take what a process has found since it was asked last: sub-folders, and files."""
    folders, files = helper.recv()
    walk.pending += folders
    for frame in files:
        walk.files.append(frame)


@contextmanager
def _helpers(walk: Walk, processes: int) -> Generator[list[Connection]]:
    started: list[tuple[subprocess.Popen[bytes], Connection]] = []
    try:
        for _ in range(processes):
            started.append(start_child(_MODULE))
            started[-1][1].send(walk.empty([]))
        yield [connection for _, connection in started]
    finally:
        for process, connection in started:
            connection.close()
            process.kill()
            process.wait()


def serve(connection: Connection) -> None:
    """List the folders that are sent until none is, then send the walk; or the other side goes."""
    with suppress(EOFError, ConnectionError):
        walk: Walk = connection.recv()
        while folders := connection.recv():
            for folder in folders:
                walk.list_folder(folder)
            _send(walk, connection)
        walk.end_batch()
        _send(walk, connection)
        connection.send(walk)


def _send(walk: Walk, connection: Connection) -> None:
    connection.send((walk.pending, walk.files))
    walk.pending, walk.files = [], []


if __name__ == "__main__":
    serve(Connection(int(sys.argv[1])))
