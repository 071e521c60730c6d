"""Images through a VLM: in batches that fit, several at work where that is faster."""

from collections import defaultdict
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import islice

from PIL import Image

from capenh_pipeline.errors import RowError
from capenh_pipeline.models.base import AS_LOADED, Generation, VisionLanguageModel, VlmReply
from capenh_pipeline.stages.batch_size import BatchSize
from capenh_pipeline.stages.caption_checks import CaptionChecks
from capenh_pipeline.stages.image_reader import ImageFile, ImageReader
from capenh_pipeline.stages.model_calls import MODEL_ERROR, OUT_OF_MEMORY, ModelCalls, kind_of
from capenh_pipeline.stages.read_ahead import read_ahead

HOPELESS_IMAGES = 8
"""So many images fail in the model before any succeeds: then the model is bad, not the images."""

WINDOW_BATCHES = 8
"""So many batches' images are looked at together, to put those of equal cost into one batch."""

MOST_HELD_BYTES = 1 << 32
"""Memory of the images of all batches in work, as they are before they are prepared."""


@dataclass(frozen=True)
class Task:
    """An image, and the prompts that it has no caption for, by their places."""

    file: ImageFile
    prompts: tuple[int, ...]


@dataclass(frozen=True)
class Outcome:
    """What came of one image and prompt: a reply or an error.

    Attributes:
        file: the image.
        prompt: its place.
        result: what is to be stored.
        attempts: how often the model was asked.
        generation: of the attempt that `result` is from.
    """

    file: ImageFile
    prompt: int
    result: VlmReply | RowError
    attempts: int = 1
    generation: Generation = AS_LOADED


@dataclass(frozen=True)
class _Second:
    """An image that is to be asked about once more, because its first reply is not good."""

    file: ImageFile
    prompt: int
    generation: Generation
    first: VlmReply | RowError


_Unit = Callable[[], list[Outcome | _Second]]
"""Work that is done in one thread."""


class BatchCaptioner:
    """Captions images with a loaded model; a bad image costs its own rows and nothing else."""

    def __init__(
        self,
        model: VisionLanguageModel,
        reader: ImageReader,
        checks: CaptionChecks,
        *,
        batch_size: BatchSize,
        preparing: int,
    ) -> None:
        """Make a captioner.

        Args:
            model: already loaded.
            reader: of the images.
            checks: of what the model says.
            batch_size: images a batch.
            preparing: threads that read and prepare images while `model.lanes` others caption.
        """
        self._model = model
        self._reader = reader
        self._checks = checks
        self._batch_size = batch_size
        self._threads = model.lanes + preparing
        self._calls = ModelCalls(model, batch_size)
        self._again: dict[tuple[Generation, int], list[_Second]] = defaultdict(list)

    def caption(self, tasks: Iterable[Task]) -> Generator[Outcome]:
        """Yield an outcome for each prompt of each task, batch by batch; close it to stop early.

        Raises:
            ModelError: the model fails on every one of the first images, and on a plain one.
        """
        held: list[Outcome] = []  # until one image succeeds, it may be the model that is bad
        with closing(self._outcomes(tasks)) as outcomes:
            for outcome in outcomes:
                if _is_of_the_model(outcome.result):
                    held.append(outcome)
                    if len(held) == HOPELESS_IMAGES:
                        self._calls.check(outcome.result)
                        break
                    continue
                yield outcome
                if isinstance(outcome.result, VlmReply):
                    break
            yield from held
            yield from outcomes

    def _outcomes(self, tasks: Iterable[Task]) -> Generator[Outcome]:
        yield from self._done(self._units(tasks))
        while any(self._again.values()):
            yield from self._done(self._second_units(at_least=1))

    def _done(self, units: Iterable[_Unit]) -> Generator[Outcome]:
        """Do units of work, and yield what is settled of what they say."""
        found = read_ahead(units, lambda unit: unit(), workers=self._threads, stop=self._stop)
        with closing(found):
            for results in found:
                for result in results:
                    if isinstance(result, Outcome):
                        yield result
                    else:
                        self._again[result.generation, result.prompt].append(result)

    def _units(self, tasks: Iterable[Task]) -> Iterator[_Unit]:
        for batch in self._batches(tasks):
            yield partial(self._ask, batch)
            yield from self._second_units(at_least=self._batch_size.now)

    def _second_units(self, *, at_least: int) -> Iterator[_Unit]:
        """Ask once more, in batches: one image in each batch would cost as much as all of it."""
        for waiting in list(self._again.values()):
            while len(waiting) >= at_least:
                size = self._fitting([second.file for second in waiting[: self._batch_size.now]])
                yield partial(self._ask_again, waiting[:size])
                del waiting[:size]

    def _stop(self) -> None:
        """Make the threads end soon, wherever they are."""
        self._reader.stop()
        self._model.stop()

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
        return self._model.visual_tokens(task.file.width, task.file.height)

    def _fitting(self, files: Sequence[ImageFile]) -> int:
        """Return how many of the first files fit the memory of a batch, at least one."""
        held = 0
        for count, file in enumerate(files):
            held += self._reader.held_bytes(file)
            if count and held > MOST_HELD_BYTES // self._threads:
                return count
        return len(files)

    def _ask(self, tasks: Sequence[Task]) -> list[Outcome | _Second]:
        found = dict(zip(tasks, self._reader.read_all([task.file for task in tasks]), strict=True))
        said: list[Outcome | _Second] = []
        for prompt in sorted({prompt for task in tasks for prompt in task.prompts}):
            asked = {task.file: found[task] for task in tasks if prompt in task.prompts}
            for file, result in self._answers(prompt, asked, AS_LOADED).items():
                other = self._checks.retry(result)
                said.append(
                    _Second(file, prompt, other, result)
                    if other
                    else Outcome(file, prompt, self._checks.settle(result))
                )
        return said

    def _ask_again(self, seconds: Sequence[_Second]) -> list[Outcome | _Second]:
        generation, prompt = seconds[0].generation, seconds[0].prompt  # of all of them
        first = {second.file: second.first for second in seconds}
        found = dict(zip(first, self._reader.read_all(list(first)), strict=True))
        said: list[Outcome | _Second] = []
        for file, result in self._answers(prompt, found, generation).items():
            is_better = self._checks.is_better(result, than=first[file])
            better, of = (result, generation) if is_better else (first[file], AS_LOADED)
            said.append(Outcome(file, prompt, self._checks.settle(better), 2, of))
        return said

    def _answers(
        self,
        prompt: int,
        found: dict[ImageFile, Image.Image | RowError],
        generation: Generation,
    ) -> dict[ImageFile, VlmReply | RowError]:
        """Return what the model says of each image, or why it cannot be asked."""
        images = {f: image for f, image in found.items() if not isinstance(image, RowError)}
        errors = {f: error for f, error in found.items() if isinstance(error, RowError)}
        return errors | self._calls.generate(prompt, images, generation)


def _is_of_the_model(result: VlmReply | RowError) -> bool:
    """Return whether it may be the model or the device that failed, not the image."""
    return kind_of(result) in (MODEL_ERROR, OUT_OF_MEMORY)
