"""What a session needs of the conversation about one row, whatever the row is about."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeVar

from capenh_pipeline.models.llm_protocol import Completion

R_co = TypeVar("R_co", covariant=True)


class Talk(Protocol[R_co]):
    """The conversation about one row."""

    @property
    def messages(self) -> Sequence[Mapping[str, Any]]:
        """What the model is told next."""
        ...

    @property
    def parameters(self) -> Mapping[str, Any]:
        """Fields of `LlmSettings` that are others for the next request."""
        ...

    @property
    def failures(self) -> int:
        """Requests without an answer since the last that had one."""
        ...

    @property
    def wants_another(self) -> bool:
        """Whether there was an answer, and another one is wanted."""
        ...

    def take(self, completion: Completion, *, latency_s: float) -> None:
        """Judge an answer."""
        ...

    def note_failure(self) -> None:
        """Take note of a request that got no answer."""
        ...

    def reply(self, *, error_kind: str | None = None, error: str | None = None) -> R_co:
        """Return what came of the row: what was answered, or the error that took its place."""
        ...
