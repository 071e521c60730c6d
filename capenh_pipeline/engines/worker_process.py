"""A worker in a process of its own: `python -m capenh_pipeline.engines.worker_process FD`.

It ends when the process that has started it does, whatever it is doing.
"""

import os
import sys
import threading
import traceback
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

from capenh_pipeline.errors import CapenhError

BEGUN, READY, DONE, FAILED = "begun", "ready", "done", "failed"


def serve(connection: Connection) -> None:
    """Make the worker that is asked for, and do jobs until the other side is gone."""
    sending = threading.Lock()

    def send(*message: Any) -> None:
        with sending, suppress(ConnectionError):  # who is gone has no use for it
            connection.send(message)

    send(BEGUN)
    try:
        worker = connection.recv()()
    except CapenhError as error:
        send(FAILED, None, error)
        return
    send(READY, worker.facts, worker.room)
    threads = ThreadPoolExecutor(worker.room)
    while True:
        ticket, job = connection.recv()
        threads.submit(worker.do, job).add_done_callback(partial(_answer, ticket, send))


def _answer(ticket: int, send: Any, future: Future[Any]) -> None:
    error = future.exception()
    if error is None:
        send(DONE, ticket, future.result())
    else:
        send(FAILED, ticket, portable(error))


def portable(error: BaseException) -> Exception:
    """Return an error that another process can be told of."""
    if isinstance(error, CapenhError):
        return error
    return RuntimeError("".join(traceback.format_exception(error)))


if __name__ == "__main__":
    with suppress(EOFError, ConnectionError):
        serve(Connection(int(sys.argv[1])))
    os._exit(0)  # its threads are in the middle of jobs that nobody waits for
