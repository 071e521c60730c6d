"""Whole runs of the four stages in this process, without Dagster: a fraction of a second each."""

from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from capenh_pipeline.defs.resources import Outside
from capenh_pipeline.domain.options import Options
from capenh_pipeline.domain.schemas import IMAGE_MANIFEST
from capenh_pipeline.models.base import Generation, MergeReply, MergeRequest, VlmReply
from capenh_pipeline.stages.caption_files import write_files
from capenh_pipeline.stages.combined_captions import fill_combined_captions
from capenh_pipeline.stages.image_manifest import build_image_manifest
from capenh_pipeline.stages.run import Report, Run
from capenh_pipeline.stages.vlm_captions import fill_vlm_captions
from capenh_pipeline_tests.fakes.llm import EchoLlm
from capenh_pipeline_tests.fakes.vlm import ColourVlm


def later() -> datetime:
    """Return a time at which every file is so old that it cannot change unseen."""
    return datetime.now(UTC) + timedelta(minutes=1)


class Cost(NamedTuple):
    """What one run did: files of the dataset that it read, and what it computed and wrote."""

    files_read: int
    vlm_images: int
    llm_requests: int
    files_written: int


NOTHING = Cost(0, 0, 0, 0)


@dataclass
class StageRuns:
    """Runs over one dataset, with a VLM that names colours and an LLM that repeats its request.

    Attributes:
        dataset: the folder.
        options: of every run.
        now: the clock.
        fails: colours of which the VLM can say nothing.
        moment: called again and again while a run is at work; it may raise.
        reports: of the last run, stage by stage.
        files_read: how many files of the dataset were read.
        seen: prompt and colour of what the VLM was shown.
        asked: the requests that the LLM was given.
    """

    dataset: Path
    options: dict[str, Any] = field(default_factory=dict)
    now: Callable[[], datetime] = later
    fails: Callable[[tuple[int, ...]], bool] = lambda colour: False
    moment: Callable[[], None] = lambda: None
    reports: list[Report] = field(default_factory=list)
    files_read: int = 0
    seen: list[tuple[str, tuple[int, ...]]] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)

    def opened(self, **options: Any) -> Run:
        values = {"dataset_dir": str(self.dataset), "base_url": "http://x/v1", "model": "m"}
        outside = Outside(
            environment=dict, progress=_Watched(self), now=self._time, hub_commit=lambda *_: None
        )
        return outside.open_run(Options(**{**values, "prompt": "see", **self.options, **options}))

    def run(self, **options: Any) -> Cost:
        """Run everything; what a run did that raises is counted too."""
        before = self.files_read, len(self.seen), len(self.asked)
        run = self.opened(**options)
        self.reports = []
        for stage in (build_image_manifest, self._see, self._combine, write_files):
            self.reports.append(stage(run))
            self.moment()
        after = self.files_read, len(self.seen), len(self.asked)
        done = (now - then for now, then in zip(after, before, strict=True))
        return Cost(*done, self.reports[-1].total("computed"))

    def manifest(self) -> dict[str, dict[str, Any]]:
        """Return the rows of the manifest by path, in that order."""
        rows = self.opened().store.table(IMAGE_MANIFEST).read().sort("path")
        return {row["path"]: row for row in rows.iter_rows(named=True)}

    def _time(self) -> datetime:
        self.moment()
        return self.now()

    def _see(self, run: Run) -> Report:
        return fill_vlm_captions(
            run, load=lambda settings: _Seeing(self, settings), before_load=self.moment
        )

    def _combine(self, run: Run) -> Report:
        return fill_combined_captions(run, connect=lambda choice: _Asked(self))


class _Watched:
    def __init__(self, runs: StageRuns) -> None:
        self._runs = runs

    @contextmanager
    def stage(self, name: str, total: int) -> Generator[Callable[[], None]]:
        if name == "files to read":
            self._runs.files_read += total
        yield self._runs.moment


class _Seeing(ColourVlm):
    def __init__(self, runs: StageRuns, settings: Any) -> None:
        super().__init__(settings, fails=runs.fails)
        self._runs = runs

    def generate(self, inputs: Any, generation: Generation) -> list[VlmReply]:
        self._runs.moment()
        self._runs.seen += inputs
        return super().generate(inputs, generation)


class _Asked(EchoLlm):
    def __init__(self, runs: StageRuns) -> None:
        self._runs = runs

    def merge(self, requests: Iterable[MergeRequest], emit: Callable[[MergeReply], None]) -> None:
        for request in requests:
            self._runs.moment()
            self._runs.asked.append(request.key)
            super().merge([request], emit)
