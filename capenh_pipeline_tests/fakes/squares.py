"""A worker that squares numbers, and is killed, fails or waits at some of them."""

import os
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from capenh_pipeline.errors import ModelError, WorkerLostError

DEADLY, FATAL, BROKEN, ODD, ENDLESS = -1, -2, -3, -4, -5
"""Numbers that kill the process, end the run, make the worker useless, are a mistake, and never
come to an end."""


@dataclass(frozen=True)
class Numbers:
    values: tuple[int, ...]

    def halves(self) -> Sequence[Self]:
        middle = len(self.values) // 2
        parts = (self.values[:middle], self.values[middle:])
        return [type(self)(part) for part in parts] if middle else []


@dataclass(frozen=True)
class Squares:
    """Makes the worker; what it does is lines of two files in a folder.

    Attributes:
        folder: has `starts`, a line for each worker that was made, and `done`, one for each number.
        room: of the worker.
        job_s: seconds that a job takes.
        start: "" or what happens at the start: "die", or "refuse".
    """

    folder: Path
    room: int = 2
    job_s: float = 0.0
    start: str = ""

    def __call__(self) -> "SquareWorker":
        note(self.folder / "starts", os.getpid())
        if self.start == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.start == "refuse":
            raise ModelError("There is no such model.")
        return SquareWorker(self)


class SquareWorker:
    def __init__(self, made_of: Squares) -> None:
        self._made_of = made_of
        self.facts = {"kind": "squares"}
        self.room = made_of.room
        self.is_closed = False

    def do(self, job: Numbers) -> dict[int, int]:
        time.sleep(self._made_of.job_s)
        for value in job.values:
            note(self._made_of.folder / "done", value)
            _misbehave(value)
        return {value: value * value for value in job.values}

    def stop(self) -> None:
        pass

    def close(self) -> None:
        self.is_closed = True


def _misbehave(value: int) -> None:
    if value == DEADLY:
        os.kill(os.getpid(), signal.SIGKILL)
    if value == FATAL:
        raise ModelError("The model is bad.")
    if value == BROKEN:
        raise WorkerLostError("The device is lost.")
    if value == ODD:
        raise KeyError("odd")
    if value == ENDLESS:
        time.sleep(1e6)


def note(file: Path, value: object) -> None:
    with file.open("a") as lines:
        lines.write(f"{value}\n")


def noted(file: Path) -> list[int]:
    return [int(line) for line in file.read_text().split()] if file.exists() else []
