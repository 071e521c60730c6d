"""What it costs to have batches done somewhere else."""

import hashlib
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from capenh_pipeline.engines.dispatch import Dispatcher
from capenh_pipeline.engines.in_process import InProcess
from capenh_pipeline.engines.processes import ProcessPool
from capenh_pipeline.engines.ray_cluster import LOCAL, RayCluster, Share
from capenh_pipeline.engines.ray_pool import RayPool
from capenh_pipeline.models.base import VlmReply
from capenh_pipeline.stages.caption_jobs import Ask, Outcome, Said, SizeNotes, Task
from capenh_pipeline.stages.image_reader import ImageFile

BATCHES = 1000
IMAGES = 32
"""A batch."""
CAPTION = "A red ball lies to the left of a small blue box on a wooden table in a bright room. " * 2


class Cost(NamedTuple):
    """Of a batch, in ms: by the wall clock, and of the CPU of this process."""

    wall: float
    driver: float


class IdleWorker:
    """Says the same of every image, which it does not look at."""

    facts = "idle"
    room = 2

    def do(self, job: Ask) -> Said:
        outcomes = [Outcome(task.file, 0, VlmReply(CAPTION, "stop", 40)) for task in job.parts]
        return Said(outcomes, None, SizeNotes(((IMAGES, 0.1),), (), has_room=True))

    def stop(self) -> None:
        """It is always done."""

    def close(self) -> None:
        """Nothing is held."""


def engines() -> dict[str, float]:
    """Return what a batch of 32 images costs with one worker that does nothing.

    `engine_local_ms`, `engine_ray_ms`: ms a batch, by the wall clock, more than in this process.
    `engine_local_driver_ms`, `engine_ray_driver_ms`: the same in CPU time of this process, which
    bounds how many workers it can keep busy.
    """
    here = _cost(lambda: InProcess(IdleWorker()))
    local = _cost(lambda: Dispatcher(ProcessPool([IdleWorker])))
    on_ray = _cost(_ray_engine)
    return {
        "engine_in_process_ms": round(here.wall, 3),
        "engine_local_ms": round(local.wall - here.wall, 2),
        "engine_local_driver_ms": round(local.driver - here.driver, 2),
        "engine_ray_ms": round(on_ray.wall - here.wall, 2),
        "engine_ray_driver_ms": round(on_ray.driver - here.driver, 2),
    }


def _ray_engine() -> Any:
    share = Share(cpus=1, gpus=0)
    return Dispatcher(RayPool(RayCluster(LOCAL), IdleWorker, share=share, workers=lambda: 1))


def _cost(opened: Callable[[], Any]) -> Cost:
    batches = [_batch(number) for number in range(BATCHES)]
    with closing(opened()) as engine:
        assert engine.facts
        list(engine.run(batches[: BATCHES // 10]))  # what is slow the first time only
        wall, cpu = time.perf_counter(), time.process_time()
        done = sum(1 for _ in engine.run(batches))
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    assert done == BATCHES
    return Cost(wall / BATCHES * 1e3, cpu / BATCHES * 1e3)


def _batch(number: int) -> Ask:
    names = [f"{number}-{image}" for image in range(IMAGES)]
    files = [
        ImageFile(
            hashlib.sha256(name.encode()).hexdigest(),
            Path("/mnt/datasets/some/folder", f"{name}.jpg"),
            1024,
            768,
            "JPEG",
        )
        for name in names
    ]
    return Ask(tuple(Task(file, (0,)) for file in files))
