"""What is said between the side that has the images and the workers that have the model."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, Self, TypeVar

from capenh_pipeline.errors import RowError
from capenh_pipeline.models.base import AS_LOADED, Generation, VlmReply
from capenh_pipeline.stages.image_reader import ImageFile


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
class Second:
    """An image that is to be asked about once more, because its first reply is not good."""

    file: ImageFile
    prompt: int
    generation: Generation
    first: VlmReply | RowError


P = TypeVar("P", Task, Second)


@dataclass(frozen=True)
class _Batch(Generic[P]):
    """Images for the model.

    Attributes:
        parts: the images, and what is to be said of each.
        contents: of their files by SHA-256, where the worker cannot read them itself.
    """

    parts: tuple[P, ...]
    contents: Mapping[str, bytes] | None = None

    @property
    def files(self) -> list[ImageFile]:
        """The images."""
        return [part.file for part in self.parts]

    def halves(self) -> Sequence[Self]:
        """Return two batches that are this one together, or none if it is of one image."""
        middle = len(self.parts) // 2
        parts = (self.parts[:middle], self.parts[middle:])
        return [replace(self, parts=half) for half in parts] if middle else []


class Ask(_Batch[Task]):
    """A batch of images for a first attempt."""


class AskAgain(_Batch[Second]):
    """A batch of images for a second attempt, with one prompt and generation."""


CaptionJob = Ask | AskAgain


@dataclass(frozen=True)
class SizeNotes:
    """What a worker has noticed about the size of batches since it last said so.

    Attributes:
        records: arguments of `BatchSize.record`.
        too_large: arguments of `BatchSize.too_large`.
        has_room: whether batches twice as large are expected to fit.
    """

    records: tuple[tuple[int, float], ...]
    too_large: tuple[int, ...]
    has_room: bool


@dataclass(frozen=True)
class Said:
    """What came of a batch.

    Attributes:
        outcomes: what is settled, and what is to be asked once more.
        fault: that the model fails on a plain image too, in one sentence; None while it is not
            known to.
        notes: for whoever cuts the batches.
    """

    outcomes: Sequence[Outcome | Second]
    fault: str | None = None
    notes: SizeNotes | None = None


@dataclass(frozen=True)
class CaptionFacts:
    """What there is to know of a loaded model and its surroundings without having it.

    Attributes:
        effective_model_id: as of the model, as `revision`, `batch_sizes` and `fixed_px`.
        effective_options: of the model, for each generation that there is.
        cost: of an image in the model, by its width and height; images of like cost share a batch.
        held_bytes: of the images of a batch, at most, before they are prepared.
        memory_bytes: of the worker's process, with the model loaded; 0 if it is this one.
    """

    effective_model_id: str
    revision: str | None
    batch_sizes: tuple[int, int]
    fixed_px: tuple[int, int] | None
    effective_options: Mapping[Generation, Mapping[str, Any]]
    cost: Callable[[int, int], int]
    held_bytes: int
    memory_bytes: int = 0
