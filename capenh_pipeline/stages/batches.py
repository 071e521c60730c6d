"""Images through a VLM, wherever it is: in batches that fit, several at work at once."""

from collections import defaultdict
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from itertools import islice
from typing import Any

from capenh_pipeline.engines.base import Engine, Lost
from capenh_pipeline.errors import ModelError, RowError
from capenh_pipeline.models.base import Generation, VlmReply
from capenh_pipeline.stages.batch_size import BatchSize
from capenh_pipeline.stages.caption_checks import CaptionChecks
from capenh_pipeline.stages.caption_jobs import (
    Ask,
    AskAgain,
    CaptionFacts,
    CaptionJob,
    Outcome,
    Said,
    Second,
    SizeNotes,
    Task,
)
from capenh_pipeline.stages.caption_worker import is_of_the_model
from capenh_pipeline.stages.image_reader import ImageFile, held_bytes

HOPELESS_IMAGES = 8
"""So many images fail in the model before any succeeds: then the model is bad, not the images."""

WINDOW_BATCHES = 8
"""So many batches' images are looked at together, to put those of equal cost into one batch."""


class BatchCaptioner:
    """Captions images with loaded models; a bad image costs its own rows and nothing else.

    Attributes:
        facts: of the models.
    """

    def __init__(
        self,
        engine: Engine[CaptionJob, Said],
        checks: CaptionChecks,
        *,
        batch_size: BatchSize,
        pack: Callable[[CaptionJob], CaptionJob] | None = None,
    ) -> None:
        """Make a captioner.

        Args:
            engine: has the models.
            checks: of what the models say.
            batch_size: images a batch.
            pack: makes a batch ready for its way to a worker, at the last moment.
        """
        self._pack = pack
        self._engine = engine
        self.facts: CaptionFacts = engine.facts
        self._checks = checks
        self._batch_size = batch_size
        self._again: dict[tuple[Generation, int], list[Second]] = defaultdict(list)
        self._fault: str | None = None

    def caption(self, tasks: Iterable[Task]) -> Generator[Outcome]:
        """Yield an outcome for each prompt of each task, batch by batch; close it to stop early.

        Raises:
            ModelError: the model fails on every one of the first images, and on a plain one.
        """
        held: list[Outcome] = []  # until one image succeeds, it may be the model that is bad
        with closing(self._outcomes(tasks)) as outcomes:
            for outcome in outcomes:
                if is_of_the_model(outcome.result):
                    held.append(outcome)
                    if len(held) == HOPELESS_IMAGES:
                        if self._fault:
                            raise ModelError(self._fault)
                        break
                    continue
                yield outcome
                if isinstance(outcome.result, VlmReply):
                    break
            yield from held
            yield from outcomes

    def close(self) -> None:
        """End the workers."""
        self._engine.close()

    def _outcomes(self, tasks: Iterable[Task]) -> Generator[Outcome]:
        yield from self._done(self._jobs(tasks))
        while any(self._again.values()):
            yield from self._done(self._second_jobs(at_least=1))

    def _done(self, jobs: Iterable[CaptionJob]) -> Generator[Outcome]:
        """Have jobs done, and yield what is settled of what comes of them."""
        with closing(self._engine.run(map(self._pack, jobs) if self._pack else jobs)) as found:
            for said in found:
                if isinstance(said, Lost):
                    yield from _crashed(said, self._checks)
                else:
                    yield from self._settled(said)

    def _settled(self, said: Said) -> Iterator[Outcome]:
        self._fault = said.fault
        if said.notes:
            _pass_on(said.notes, self._batch_size)
        for result in said.outcomes:
            if isinstance(result, Outcome):
                yield result
            else:
                self._again[result.generation, result.prompt].append(result)

    def _jobs(self, tasks: Iterable[Task]) -> Iterator[CaptionJob]:
        for batch in self._batches(tasks):
            yield Ask(tuple(batch))
            yield from self._second_jobs(at_least=self._batch_size.now)

    def _second_jobs(self, *, at_least: int) -> Iterator[CaptionJob]:
        """Ask once more, in batches: one image in each batch would cost as much as all of it."""
        for waiting in list(self._again.values()):
            while len(waiting) >= at_least:
                size = self._fitting([second.file for second in waiting[: self._batch_size.now]])
                yield AskAgain(tuple(waiting[:size]))
                del waiting[:size]

    def _batches(self, tasks: Iterable[Task]) -> Iterator[list[Task]]:
        """Cut tasks into batches of images of like cost."""
        remaining = iter(tasks)
        while window := list(islice(remaining, WINDOW_BATCHES * self._batch_size.now)):
            window.sort(key=self._cost)
            while window:
                count = self._fitting([task.file for task in window[: self._batch_size.now]])
                yield window[:count]
                del window[:count]

    def _cost(self, task: Task) -> int:
        return self.facts.cost(task.file.width, task.file.height)

    def _fitting(self, files: Sequence[ImageFile]) -> int:
        """Return how many of the first files fit the memory of a batch, at least one."""
        held = 0
        for count, file in enumerate(files):
            held += held_bytes(file, self.facts.fixed_px)
            if count and held > self.facts.held_bytes:
                return count
        return len(files)


def _crashed(lost: Lost[Any], checks: CaptionChecks) -> Iterator[Outcome]:
    """Return what is stored of an image that ended its workers."""
    job: CaptionJob = lost.job
    if isinstance(job, AskAgain):
        for second in job.parts:
            yield Outcome(second.file, second.prompt, checks.settle(second.first), 2)
        return
    error = RowError("crashed", f"The image ended every process that captioned it ({lost.why}).")
    for task in job.parts:
        for prompt in task.prompts:
            yield Outcome(task.file, prompt, error)


def _pass_on(notes: SizeNotes, batch_size: BatchSize) -> None:
    for images, seconds in notes.records:
        batch_size.record(images, seconds)
    for images in notes.too_large:
        batch_size.too_large(images)
    if not notes.has_room:
        batch_size.no_room()
