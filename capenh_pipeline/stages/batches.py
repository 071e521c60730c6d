"""Images through a VLM: in batches that fit, several at work where that is faster."""

import threading
import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from typing import Any

from PIL import Image

from capenh_pipeline.domain.replies import one_line
from capenh_pipeline.errors import ModelError, RowError
from capenh_pipeline.models.base import AS_LOADED, Generation, VisionLanguageModel, VlmReply
from capenh_pipeline.models.vlm_memory import is_device_lost, is_out_of_memory
from capenh_pipeline.stages.batch_size import BatchSize
from capenh_pipeline.stages.caption_checks import CaptionChecks
from capenh_pipeline.stages.image_reader import ImageFile, ImageReader
from capenh_pipeline.stages.read_ahead import read_ahead

MODEL_ERRORS = (
    *(RuntimeError, ValueError, TypeError, LookupError, ArithmeticError),
    *(AttributeError, AssertionError, OSError, MemoryError),
)
"""What processors and models raise on an image that they cannot take."""

MODEL_ERROR, OUT_OF_MEMORY = "model_error", "out_of_memory"

HOPELESS_IMAGES = 8
"""So many images fail in the model before any succeeds: then the model is bad, not the images."""

PLAIN_PX = (64, 64)

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
        self._lanes = threading.Semaphore(model.lanes)

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
                        self._check_model(outcome.result)
                        break
                    continue
                yield outcome
                if isinstance(outcome.result, VlmReply):
                    break
            yield from held
            yield from outcomes

    def _check_model(self, failure: VlmReply | RowError) -> None:
        """Raise `ModelError` if the model cannot caption a plain image either."""
        plain = self._model.shrink(Image.new("RGB", PLAIN_PX, "gray"))
        try:
            with self._lanes:
                self._model.generate(self._model.prepare([plain], 0), AS_LOADED)
        except MODEL_ERRORS as error:
            raise ModelError(f"The VLM fails on every image. {failure}") from error

    def _outcomes(self, tasks: Iterable[Task]) -> Generator[Outcome]:
        batches = read_ahead(
            self._batches(tasks), self._caption_batch, workers=self._threads, stop=self._stop
        )
        with closing(batches):
            for outcomes in batches:
                yield from outcomes

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
                count = self._fitting(window[: self._batch_size.now])
                yield window[:count]
                del window[:count]

    def _cost(self, task: Task) -> int:
        return self._model.visual_tokens(task.file.width, task.file.height)

    def _fitting(self, tasks: Sequence[Task]) -> int:
        """Return how many of the first tasks fit the memory of a batch, at least one."""
        held = 0
        for count, task in enumerate(tasks):
            held += self._reader.held_bytes(task.file)
            if count and held > MOST_HELD_BYTES // self._threads:
                return count
        return len(tasks)

    def _caption_batch(self, tasks: Sequence[Task]) -> list[Outcome]:
        images: dict[ImageFile, Image.Image] = {}
        outcomes: list[Outcome] = []
        found = self._reader.read_all([task.file for task in tasks])
        for task, image in zip(tasks, found, strict=True):
            if isinstance(image, RowError):
                outcomes += [Outcome(task.file, prompt, image) for prompt in task.prompts]
            else:
                images[task.file] = image
        for prompt in sorted({prompt for task in tasks for prompt in task.prompts}):
            asked = [task.file for task in tasks if prompt in task.prompts and task.file in images]
            outcomes += self._ask(prompt, {file: images[file] for file in asked})
        return outcomes

    def _ask(self, prompt: int, images: dict[ImageFile, Image.Image]) -> Iterator[Outcome]:
        """Caption images, and once more those whose caption is not good."""
        first = self._generate(prompt, images, AS_LOADED)
        again: dict[Generation, dict[ImageFile, Image.Image]] = {}
        for file, result in first.items():
            other = self._checks.retry(result)
            if other:
                again.setdefault(other, {})[file] = images[file]
            else:
                yield Outcome(file, prompt, self._checks.settle(result))
        for generation, files in again.items():
            for file, result in self._generate(prompt, files, generation).items():
                is_better = self._checks.is_better(result, than=first[file])
                better, of = (result, generation) if is_better else (first[file], AS_LOADED)
                yield Outcome(file, prompt, self._checks.settle(better), 2, of)

    def _generate(
        self, prompt: int, images: dict[ImageFile, Image.Image], generation: Generation
    ) -> dict[ImageFile, VlmReply | RowError]:
        if not images:
            return {}
        try:
            inputs = self._model.prepare(list(images.values()), prompt)
            replies = self._in_a_lane(inputs, len(images), generation)
        except MODEL_ERRORS as error:
            return self._in_halves(prompt, images, generation, error)
        return dict(zip(images, replies, strict=True))

    def _in_a_lane(self, inputs: Any, images: int, generation: Generation) -> list[VlmReply]:
        with self._lanes:
            began = time.perf_counter()
            replies = self._model.generate(inputs, generation)
            if generation == AS_LOADED:
                tokens = max(reply.new_tokens for reply in replies)
                self._batch_size.record(images, (time.perf_counter() - began) / max(tokens, 1))
        return replies

    def _in_halves(
        self,
        prompt: int,
        images: dict[ImageFile, Image.Image],
        generation: Generation,
        error: Exception,
    ) -> dict[ImageFile, VlmReply | RowError]:
        """Find the image that does not work, or the batch that fits the memory."""
        if is_device_lost(error):
            raise ModelError(f"The device failed, run again: {one_line(str(error))}") from error
        out_of_memory = is_out_of_memory(error)
        if len(images) == 1:
            kind = OUT_OF_MEMORY if out_of_memory else MODEL_ERROR
            failure = RowError(kind, f"The model failed: {one_line(str(error))}")
            return dict.fromkeys(images, failure)
        files = list(images)
        half = len(files) // 2
        results: dict[ImageFile, VlmReply | RowError] = {}
        for part in (files[:half], files[half:]):
            results |= self._generate(prompt, {file: images[file] for file in part}, generation)
        if out_of_memory and not any(_kind(result) == OUT_OF_MEMORY for result in results.values()):
            self._batch_size.too_large(len(images))  # else it was one of the images
        return results


def _kind(result: VlmReply | RowError) -> str | None:
    return result.kind if isinstance(result, RowError) else None


def _is_of_the_model(result: VlmReply | RowError) -> bool:
    """Return whether it may be the model or the device that failed, not the image."""
    return _kind(result) in (MODEL_ERROR, OUT_OF_MEMORY)
