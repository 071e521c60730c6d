"""A model asked in batches that fit its memory, so many at once as it has lanes."""

import threading
import time
from typing import Any, Protocol

from PIL import Image

from capenh_pipeline.domain.replies import one_line
from capenh_pipeline.errors import RowError, WorkerLostError
from capenh_pipeline.models.base import AS_LOADED, Generation, VisionLanguageModel, VlmReply
from capenh_pipeline.models.vlm_memory import is_device_lost, is_out_of_memory
from capenh_pipeline.stages.image_reader import ImageFile

MODEL_ERRORS = (
    *(RuntimeError, ValueError, TypeError, LookupError, ArithmeticError),
    *(AttributeError, AssertionError, OSError, MemoryError),
)
"""What processors and models raise on an image that they cannot take."""

MODEL_ERROR, OUT_OF_MEMORY = "model_error", "out_of_memory"

PLAIN_PX = (64, 64)


class SizeListener(Protocol):
    """Is told how batches of a size do; see `BatchSize`, which is one."""

    def record(self, images: int, seconds: float) -> None:
        """Take note of a batch that was captioned."""
        ...

    def too_large(self, images: int) -> None:
        """Take note of a batch that did not fit the memory."""
        ...


class ModelCalls:
    """Asks a loaded model, in any thread; an image that it cannot take costs its own row."""

    def __init__(self, model: VisionLanguageModel, batch_size: SizeListener) -> None:
        self._model = model
        self._batch_size = batch_size
        self._lanes = threading.Semaphore(model.lanes)

    def is_sound(self) -> bool:
        """Return whether the model can caption a plain image."""
        plain = self._model.shrink(Image.new("RGB", PLAIN_PX, "gray"))
        try:
            with self._lanes:
                self._model.generate(self._model.prepare([plain], 0), AS_LOADED)
        except MODEL_ERRORS:
            return False
        return True

    def generate(
        self, prompt: int, images: dict[ImageFile, Image.Image], generation: Generation
    ) -> dict[ImageFile, VlmReply | RowError]:
        """Return what the model says of each image, or why it cannot take it.

        Raises:
            WorkerLostError: the device is of no use to this process any more.
            Stopped: the model was stopped.
        """
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
            why = f"The device failed, run again: {one_line(str(error))}"
            raise WorkerLostError(why) from error
        out_of_memory = is_out_of_memory(error)
        if len(images) == 1:
            kind = OUT_OF_MEMORY if out_of_memory else MODEL_ERROR
            failure = RowError(kind, f"The model failed: {one_line(str(error))}")
            return dict.fromkeys(images, failure)
        files = list(images)
        half = len(files) // 2
        results: dict[ImageFile, VlmReply | RowError] = {}
        for part in (files[:half], files[half:]):
            results |= self.generate(prompt, {file: images[file] for file in part}, generation)
        if out_of_memory and OUT_OF_MEMORY not in map(kind_of, results.values()):
            self._batch_size.too_large(len(images))  # else it was one of the images
        return results


def kind_of(result: VlmReply | RowError) -> str | None:
    """Return the kind of an error, None of a reply."""
    return result.kind if isinstance(result, RowError) else None
