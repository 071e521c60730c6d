"""The seams to the models: what a stage asks of them, and what it gets back."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from PIL import Image

from capenh_pipeline.domain.fusion.verdict import Verdict


@dataclass(frozen=True)
class VlmReply:
    """A VLM's answer for one image.

    Attributes:
        caption: the text without prompt, special tokens and outer white space.
        finish_reason: `"stop"`, or `"length"` when `max_new_tokens` cut it off.
        new_tokens: tokens generated for this image, the end token included.
    """

    caption: str
    finish_reason: str
    new_tokens: int


@dataclass(frozen=True)
class Generation:
    """What one call generates with, where it is not what the model was loaded with.

    Attributes:
        token_factor: so many times as many new tokens.
        max_new_tokens: at most so many; None is no other limit.
        no_repeat_ngram_size: tokens in a row that must not come twice.
    """

    token_factor: int = 1
    max_new_tokens: int | None = None
    no_repeat_ngram_size: int | None = None


AS_LOADED = Generation()


class ImageSizes(Protocol):
    """How large a model wants its images; see `VisionLanguageModel`."""

    @property
    def fixed_px(self) -> tuple[int, int] | None:
        """The width and height that every image gets."""
        ...

    def enough_px(self, width: int, height: int) -> tuple[int, int] | None:
        """Return the size beyond which an image of this size shows the model no more, or None."""
        ...

    def shrink(self, image: Image.Image) -> Image.Image:
        """Return the image no larger than the model needs it."""
        ...


class VisionLanguageModel(Protocol):
    """A loaded VLM. All but `close` may be called in any thread.

    Attributes:
        effective_model_id: the checkpoint that is really used.
        revision: its resolved commit, None for a local folder.
        lanes: calls of `generate` that should be at work at once.
        preparing: threads that should read and prepare images besides.
        batch_sizes: images a batch to begin with, and the most that can be worth a try.
        fixed_px: the width and height to which every image is shrunk, None if there is none.
    """

    effective_model_id: str
    revision: str | None
    lanes: int
    preparing: int
    batch_sizes: tuple[int, int]
    fixed_px: tuple[int, int] | None

    def effective_options(self, generation: Generation) -> Mapping[str, Any]:
        """Return what captions are really made with, as JSON values."""
        ...

    def has_room_for_double(self) -> bool:
        """Return whether batches twice as large as the largest so far are expected to fit."""
        ...

    def enough_px(self, width: int, height: int) -> tuple[int, int] | None:
        """Return the size beyond which an image of this size shows the model no more, or None."""
        ...

    def visual_tokens(self, width: int, height: int) -> int:
        """Return the tokens that an image becomes; 0 where all images become as many."""
        ...

    def shrink(self, image: Image.Image) -> Image.Image:
        """Return the image no larger than the model needs it."""
        ...

    def prepare(self, images: Sequence[Image.Image], prompt: int) -> Any:
        """Turn shrunk images into one batch of model inputs for a prompt, by its place."""
        ...

    def generate(self, inputs: Any, generation: Generation) -> list[VlmReply]:
        """Caption a prepared batch; the replies stand in the order of its images."""
        ...

    def stop(self) -> None:
        """Make every call of `generate` end soon, with `Stopped`."""
        ...

    def close(self) -> None:
        """Free the memory of the device."""
        ...


@dataclass(frozen=True)
class MergeRequest:
    """One row for the LLM.

    Attributes:
        key: given back untouched.
        system_prompt: what the LLM is to do.
        user_message: what it reads.
        judge: says whether an answer will do; its fault is told to the LLM, which tries again.
    """

    key: Any
    system_prompt: str
    user_message: str
    judge: Callable[[str], Verdict]


@dataclass(frozen=True)
class MergeReply:
    """What came of one row.

    Attributes:
        verdict: on the last answer, None if there was none that could be judged.
        error_kind: None when the verdict has no fault; else what kind of failure, a snake_case
            word.
        error: None, or one sentence.
        finish_reason: as the server said it, None if it gave no answer.
        prompt_tokens: of all answers of the row; so are `completion_tokens`.
        attempts: requests that were sent for this row, retries included.
        latency_s: seconds that its answered requests took, without the pauses between them.
    """

    key: Any
    verdict: Verdict | None
    error_kind: str | None
    error: str | None
    finish_reason: str | None
    prompt_tokens: int
    completion_tokens: int
    attempts: int
    latency_s: float

    @property
    def caption(self) -> str | None:
        """The caption, None where the row has an error."""
        return self.verdict.caption if self.verdict and self.error_kind is None else None


class LanguageModel(Protocol):
    """An LLM that merges captions, many requests in flight.

    Attributes:
        effective_model: the name that the server was asked for; known once something was merged.
    """

    effective_model: str | None

    def check(self) -> None:
        """Find out early, before hours of other work, whether the LLM can be asked.

        Raises:
            ServerError: the server cannot be reached or refuses the key.
            ModelError: the local model is missing.
        """
        ...

    def merge(self, requests: Iterable[MergeRequest], emit: Callable[[MergeReply], None]) -> None:
        """Ask for every request and hand each reply to `emit` as soon as it is there.

        Raises:
            ServerError: no request can succeed (unreachable, key refused, model unknown);
                what was emitted before stays valid.
        """
        ...
