"""One suite, whatever works on the batches."""

from collections.abc import Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from capenh_pipeline.engines.dispatch import Dispatcher
from capenh_pipeline.engines.in_process import InProcess
from capenh_pipeline.engines.processes import ProcessPool
from capenh_pipeline.engines.ray_cluster import LOCAL, RayCluster, Share
from capenh_pipeline.engines.ray_pool import RayPool
from capenh_pipeline_tests.fakes.squares import Squares, noted


@dataclass
class Engines:
    """Opens engines of one kind, with workers that note what they do in a folder."""

    kind: str
    folder: Path
    opened: ExitStack = field(default_factory=ExitStack)

    def open(
        self, *, workers: int = 2, limits: Mapping[str, Any] | None = None, **squares: Any
    ) -> Any:
        make = Squares(self.folder, **squares)
        if self.kind == "in_process":
            engine: Any = InProcess(make())
        elif self.kind == "ray":
            engine = Dispatcher(ray_pool(make, workers), **(limits or {}))
        else:
            engine = Dispatcher(ProcessPool([make] * workers), **(limits or {}))
        return self.opened.enter_context(closing(engine))

    @property
    def ahead(self) -> int:
        """Jobs that may be taken beyond those that workers have room for."""
        return 2 if self.kind == "in_process" else 0

    def starts(self) -> list[int]:
        """Return the process of each worker that was made."""
        return noted(self.folder / "starts")

    def done(self) -> list[int]:
        """Return each number that a worker has seen, as often as one has."""
        return noted(self.folder / "done")


def ray_pool(make: Squares, workers: int) -> RayPool:
    """Return the workers of a cluster that this process is connected to."""
    share = Share(cpus=1, gpus=0)
    return RayPool(RayCluster(LOCAL), make, share=share, workers=lambda: workers)


RAY = pytest.param("ray", marks=pytest.mark.slow)


@pytest.fixture
def engines_of(request, tmp_path):
    """Return the engines of a kind."""
    with ExitStack() as opened:

        def of(kind: str) -> Engines:
            if kind == "ray":
                request.getfixturevalue("ray_cluster")
            return Engines(kind, tmp_path, opened)

        yield of


@pytest.fixture(params=["in_process", "processes", RAY])
def engines(request, engines_of):
    """Every kind."""
    return engines_of(request.param)


@pytest.fixture(params=["processes", RAY])
def distant(request, engines_of):
    """The kinds whose workers are in processes of their own."""
    return engines_of(request.param)
