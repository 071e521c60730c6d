"""A dataset, an LLM server and a counted VLM: what a test of the whole pipeline stands on."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import dagster as dg

from capenh_pipeline.defs.launch import RunResult, run_job
from capenh_pipeline.defs.pipeline import pipeline_definitions
from capenh_pipeline.defs.resources import Outside
from capenh_pipeline.demo.checkpoints import FLORENCE_FOLDER
from capenh_pipeline.domain.options import Options
from capenh_pipeline.stages.run import Run
from capenh_pipeline_tests.fakes.llm_server import FakeLlmServer
from capenh_pipeline_tests.fakes.vlm import CountingLoader, kept_vlm


class Work(NamedTuple):
    """What a run cost, and what it reported."""

    model_loads: int
    vlm_images: int
    llm_requests: int
    files_written: int
    result: RunResult


@dataclass
class Pipeline:
    """Runs `enhance_captions` over all shards of one dataset, through Dagster."""

    dataset: Path
    server: FakeLlmServer
    loader: CountingLoader = field(default_factory=lambda: CountingLoader(kept_vlm))
    options: dict[str, Any] = field(default_factory=dict)

    def values(self, **options: Any) -> dict[str, Any]:
        defaults = {
            "dataset_dir": str(self.dataset),
            "model_id": str(FLORENCE_FOLDER),
            "base_url": self.server.base_url,
            "model": "test-model",
        }
        return {**defaults, **self.options, **options}

    def outside(self) -> Outside:
        return Outside(load_vlm=self.loader, environment=dict)

    def opened(self, **options: Any) -> Run:
        return self.outside().open_run(Options(**self.values(**options)))

    def run(self, **options: Any) -> Work:
        """Run everything and return what was computed in this run."""
        loads, images = self.loader.loads, self.loader.images
        requests = len(self.server.requests)
        with dg.DagsterInstance.ephemeral() as instance:
            result = run_job(
                pipeline_definitions(self.values(**options), self.outside()),
                store=self.opened(**options).store,
                instance=instance,
            )
        return Work(
            model_loads=self.loader.loads - loads,
            vlm_images=self.loader.images - images,
            llm_requests=len(self.server.requests) - requests,
            files_written=result.totals.get("caption_files", Counter())["computed"],
            result=result,
        )


@contextmanager
def pipeline(dataset: Path, **arguments: Any) -> Iterator[Pipeline]:
    """Yield a pipeline on `dataset` whose LLM server listens meanwhile."""
    with FakeLlmServer(models=None) as server:
        yield Pipeline(dataset, server, **arguments)
