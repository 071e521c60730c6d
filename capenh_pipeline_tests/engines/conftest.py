"""One suite, whatever works on the batches."""

from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from capenh_pipeline.engines.dispatch import MOST_DEATHS, Dispatcher
from capenh_pipeline.engines.in_process import InProcess
from capenh_pipeline.engines.processes import ProcessPool
from capenh_pipeline_tests.fakes.squares import Squares, noted


@dataclass
class Engines:
    """Opens engines of one kind, with workers that note what they do in a folder."""

    kind: str
    folder: Path
    opened: ExitStack = field(default_factory=ExitStack)

    def open(self, *, workers: int = 2, most_deaths: int = MOST_DEATHS, **squares: Any) -> Any:
        make = Squares(self.folder, **squares)
        if self.kind == "in_process":
            engine: Any = InProcess(make())
        else:
            engine = Dispatcher(ProcessPool([make] * workers), most_deaths=most_deaths)
        return self.opened.enter_context(closing(engine))

    def starts(self) -> list[int]:
        """Return the process of each worker that was made."""
        return noted(self.folder / "starts")

    def done(self) -> list[int]:
        """Return each number that a worker has seen, as often as one has."""
        return noted(self.folder / "done")


def _engines(kind, folder):
    made = Engines(kind, folder)
    with made.opened:
        yield made


@pytest.fixture(params=["in_process", "processes"])
def engines(request, tmp_path):
    """Every kind."""
    yield from _engines(request.param, tmp_path)


@pytest.fixture(params=["processes"])
def distant(request, tmp_path):
    """The kinds whose workers are in processes of their own."""
    yield from _engines(request.param, tmp_path)
