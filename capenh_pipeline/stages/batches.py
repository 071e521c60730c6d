"""Images through a VLM: read and prepared ahead of the device, in batches that fit."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from capenh_pipeline.dataset.images import load_image
from capenh_pipeline.domain.replies import one_line
from capenh_pipeline.errors import ModelError, RowError
from capenh_pipeline.models.base import VisionLanguageModel, VlmReply
from capenh_pipeline.models.vlm import is_out_of_memory
from capenh_pipeline.stages.read_ahead import read_ahead

MODEL_ERRORS = (RuntimeError, ValueError, TypeError, LookupError, ArithmeticError)
"""What processors and models raise on an image that they cannot take."""

MODEL_ERROR = "model_error"

HOPELESS_IMAGES = 8
"""So many images fail in the model before any succeeds: then the model is bad, not the images."""


@dataclass(frozen=True)
class ImageFile:
    """An image and the content that it must have."""

    image_hash: str
    path: Path


Outcome = tuple[ImageFile, VlmReply | RowError]


@dataclass(frozen=True)
class _Prepared:
    """A batch on its way to the device: model inputs, or the error that making them raised."""

    files: Sequence[ImageFile]
    inputs: Any
    error: Exception | None
    failures: Sequence[Outcome]


class BatchCaptioner:
    """Captions images with a loaded model; a bad image costs its own row and nothing else."""

    def __init__(self, model: VisionLanguageModel, *, batch_size: int, workers: int) -> None:
        self._model = model
        self._batch_size = batch_size
        self._workers = workers

    def caption(self, files: Iterable[ImageFile]) -> Iterator[Outcome]:
        """Yield an outcome for each of `files`, batch by batch.

        Raises:
            ModelError: the model fails on every one of the first images.
        """
        held: list[Outcome] = []  # until one image succeeds, it may be the model that is bad
        outcomes = self._outcomes(files)
        for file, outcome in outcomes:
            if isinstance(outcome, RowError) and outcome.kind == MODEL_ERROR:
                held.append((file, outcome))
                if len(held) == HOPELESS_IMAGES:
                    raise ModelError(f"The VLM fails on every image. {outcome}")
                continue
            yield file, outcome
            if isinstance(outcome, VlmReply):
                break
        yield from held
        yield from outcomes

    def _outcomes(self, files: Iterable[ImageFile]) -> Iterator[Outcome]:
        for prepared in read_ahead(self._batches(files), self._prepare, workers=self._workers):
            yield from prepared.failures
            yield from self._generate(prepared)

    def _batches(self, files: Iterable[ImageFile]) -> Iterator[list[ImageFile]]:
        remaining = iter(files)
        while batch := list(islice(remaining, self._batch_size)):
            yield batch

    def _prepare(self, files: Sequence[ImageFile]) -> _Prepared:
        good, images, failures = [], [], []
        for file in files:
            try:
                images.append(load_image(file.path, image_hash=file.image_hash))
                good.append(file)
            except RowError as error:
                failures.append((file, error))
        inputs, problem = None, None
        if images:
            try:
                inputs = self._model.prepare(images)
            except MODEL_ERRORS as error:
                problem = error
        return _Prepared(good, inputs, problem, failures)

    def _generate(self, prepared: _Prepared) -> Iterator[Outcome]:
        if not prepared.files:
            return
        try:
            if prepared.error is not None:
                raise prepared.error
            replies = self._model.generate(prepared.inputs)
        except MODEL_ERRORS as error:
            yield from self._in_halves(prepared.files, error)
        else:
            yield from zip(prepared.files, replies, strict=True)

    def _in_halves(self, files: Sequence[ImageFile], error: Exception) -> Iterator[Outcome]:
        """Find the image that does not work, or the batch that fits the memory."""
        out_of_memory = is_out_of_memory(error)
        if len(files) == 1:
            kind = "out_of_memory" if out_of_memory else MODEL_ERROR
            yield files[0], RowError(kind, f"The model failed: {one_line(str(error))}")
            return
        half = len(files) // 2
        if out_of_memory:
            self._batch_size = min(self._batch_size, half)
        for part in (files[:half], files[half:]):
            prepared = self._prepare(part)
            yield from prepared.failures
            yield from self._generate(prepared)
