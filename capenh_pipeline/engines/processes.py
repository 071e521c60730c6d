"""Workers in processes of this machine."""

import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from typing import Any

from capenh_pipeline.child_process import start_child
from capenh_pipeline.engines.base import MakeWorker
from capenh_pipeline.engines.pool import Begun, Died, Done, Event, Failed, Ready

STARTS_S = 120.0
"""Seconds that a process may take to begin, before it makes its worker."""
KILLED_S = 10.0
"""Seconds that a killed process is waited for; one that is stuck in a driver is left behind."""

_EVENTS: dict[str, Any] = {"begun": Begun, "ready": Ready, "done": Done, "failed": Failed}


class ProcessPool:
    """One process at each place (`engines.pool.Pool`).

    They are of `start_child`: what CUDA, torch and threads hold here does not live through a fork.
    """

    patience_s = STARTS_S
    nobody = f"No worker process has begun in {STARTS_S:g} seconds; the machine is too busy."

    def __init__(self, makes: Sequence[MakeWorker[Any, Any]]) -> None:
        """Prepare to start what makes the worker of each place."""
        self._makes = makes
        self._running: dict[int, tuple[subprocess.Popen[bytes], Connection]] = {}

    def places(self) -> int:
        """Return as many places as there are makers."""
        return len(self._makes)

    def start(self, worker: int, place: int) -> None:
        """Start a process that makes the worker of a place."""
        self._running[worker] = start_child("capenh_pipeline.engines.worker_process")
        self._send(worker, self._makes[place])

    def give(self, worker: int, ticket: int, job: Any) -> None:
        """Send a job."""
        self._send(worker, (ticket, job))

    def wait(self, timeout_s: float) -> list[Event]:
        """Return what the processes have said, or that they have ended."""
        workers: dict[Any, int] = {
            connection: worker for worker, (_, connection) in self._running.items()
        }
        return [self._event(workers[one], one) for one in wait(list(workers), timeout_s)]

    def end(self, worker: int) -> None:
        """Kill a process: it holds nothing that is not known here."""
        if worker in self._running:
            self._ended(worker)

    def close(self) -> None:
        """Kill all processes."""
        for process, _ in self._running.values():
            process.kill()
        for worker in list(self._running):
            self._ended(worker)

    def _send(self, worker: int, message: Any) -> None:
        if worker in self._running:
            with suppress(ConnectionError):  # that it is gone is found in `wait`
                self._running[worker][1].send(message)

    def _event(self, worker: int, connection: Any) -> Event:
        try:
            kind, *values = connection.recv()
        except (EOFError, OSError):  # OSError: it ended in the middle of a message
            return Died(worker, _described(self._ended(worker)))
        return _EVENTS[kind](worker, *values)

    def _ended(self, worker: int) -> int:
        """Return the exit code of a process, which is made to end if it has not."""
        process, connection = self._running.pop(worker)
        connection.close()
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.2)  # one that has closed its connection is about to end by itself
        process.kill()
        with suppress(subprocess.TimeoutExpired):
            process.wait(KILLED_S)
        return -signal.SIGKILL if process.returncode is None else process.returncode


def _described(code: int) -> str:
    return f"killed by signal {-code}" if code < 0 else f"exit code {code}"
