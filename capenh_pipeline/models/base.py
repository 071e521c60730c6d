"""The seams to the models: what a stage asks of them, and what it gets back."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from PIL import Image


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


class VisionLanguageModel(Protocol):
    """A loaded VLM. `prepare` may run in several threads; `generate` runs in one.

    Attributes:
        effective_model_id: the checkpoint that is really used.
        revision: its resolved commit, None for a local folder.
    """

    effective_model_id: str
    revision: str | None

    @property
    def preferred_batch_size(self) -> int:
        """Images a batch that suit the model and its device."""
        ...

    def prepare(self, images: Sequence[Image.Image]) -> Any:
        """Turn RGB images into one batch of model inputs on the CPU."""
        ...

    def generate(self, inputs: Any) -> list[VlmReply]:
        """Caption a prepared batch; the replies stand in the order of its images."""
        ...

    def close(self) -> None:
        """Free the memory of the device."""
        ...


@dataclass(frozen=True)
class MergeRequest:
    """One row for the LLM: `key` is given back untouched, `user_message` is what it reads."""

    key: Any
    user_message: str


@dataclass(frozen=True)
class MergeReply:
    """An LLM's answer for one row, good or failed.

    Attributes:
        caption: the text, or None when the row failed.
        error_kind: None when it is good; else what kind of failure, a snake_case word.
        error: None, or one sentence.
        finish_reason: as the server said it, None if it gave no answer.
        attempts: requests that were sent for this row, retries included.
    """

    key: Any
    caption: str | None
    error_kind: str | None
    error: str | None
    finish_reason: str | None
    prompt_tokens: int
    completion_tokens: int
    attempts: int


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
