"""The OpenAI chat protocol as values: what is sent, and what is read from an answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from capenh_pipeline.domain.replies import one_line

_MOST_TOKENS = 10**8
"""An answer that cost more is miscounted; the column of a table holds twenty times as many."""


@dataclass(frozen=True)
class LlmSettings:
    """How an LLM is asked.

    Attributes:
        base_url: of the server, as `http://127.0.0.1:8000/v1`; None is OpenAI itself.
        model: name on the server; None is the only model that it lists.
        concurrency: requests in flight, at most.
        max_tokens: longest answer, reasoning included.
        temperature: 0 is greedy.
        frequency_penalty: from 0 to 2, against repetition; None leaves it to the server.
        timeout_s: seconds that one try may take in all, however slowly its answer drips.
        max_attempts: tries to get an answer from the server, the first included.
        backoff_s: longest pause after the first failed try; it doubles from try to try.
        llm_attempts: answers a row, at most; one that is rejected is asked for again.
        patience_s: how long a server that has answered before may fail before the run stops.
        requests_per_minute: limit of all processes on this machine together; None is none.
        tokens_per_minute: the same for tokens, those of prompts included.
    """

    base_url: str | None
    model: str | None
    concurrency: int = 16
    max_tokens: int = 1024
    temperature: float = 0.0
    frequency_penalty: float | None = None
    timeout_s: float = 120.0
    max_attempts: int = 6
    backoff_s: float = 1.0
    llm_attempts: int = 3
    patience_s: float = 600.0
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None


@dataclass(frozen=True)
class Dialect:
    """Which of the optional parameters a model takes.

    OpenAI's reasoning models refuse `temperature` and `frequency_penalty`, and want
    `max_completion_tokens` in place of `max_tokens`, which is the only one of the two that many
    local servers know.
    """

    length_parameter: str = "max_tokens"
    has_temperature: bool = True
    has_frequency_penalty: bool = True

    def payload(
        self, settings: LlmSettings, *, model: str, messages: Sequence[Mapping[str, Any]]
    ) -> dict[str, Any]:
        """Return the body of a chat completion request."""
        payload: dict[str, Any] = {
            "model": model,
            "messages": messages,
            self.length_parameter: settings.max_tokens,
        }
        if self.has_temperature:
            payload["temperature"] = settings.temperature
        if self.has_frequency_penalty and settings.frequency_penalty is not None:
            payload["frequency_penalty"] = settings.frequency_penalty
        return payload

    def without(self, parameter: str) -> Self:
        """Return the dialect that does not use `parameter`; itself, if it uses it no more."""
        if parameter == "temperature":
            return replace(self, has_temperature=False)
        if parameter == "frequency_penalty":
            return replace(self, has_frequency_penalty=False)
        return replace(self, length_parameter="max_completion_tokens")


@dataclass(frozen=True)
class Completion:
    """A chat completion, as far as a caption needs it.

    Attributes:
        model: that answered, as the server says.
    """

    text: str | None
    finish_reason: str | None
    refusal: str | None
    prompt_tokens: int
    completion_tokens: int
    model: str | None = None


def read_completion(body: Any) -> Completion | None:
    """Return the first choice of a chat completion, or None if `body` is none.

    Servers send `choices` that are null or empty, errors with status 200, and texts in parts.
    What is not text or a number of tokens never gets to a table, which could not hold it.
    """
    choices = _field(body, "choices", list) or [None]
    message = _field(choices[0], "message", dict)
    if message is None:
        return None
    finish_reason = _field(choices[0], "finish_reason", str)
    usage = _field(body, "usage", dict)
    return Completion(
        text=_text(message.get("content")),
        finish_reason=None if finish_reason is None else one_line(finish_reason),
        refusal=_field(message, "refusal", str),
        prompt_tokens=_count(usage, "prompt_tokens"),
        completion_tokens=_count(usage, "completion_tokens"),
        model=one_line(_field(body, "model", str) or "") or None,
    )


def read_model_names(body: Any) -> list[str] | None:
    """Return the names in a model list, or None if `body` is none."""
    entries = _field(body, "data", list)
    if entries is None:
        return None
    return [name for entry in entries if (name := _field(entry, "id", str))]


def _text(content: Any) -> str | None:
    if isinstance(content, list):
        return "".join(_field(part, "text", str) or "" for part in content)
    return content if isinstance(content, str) else None


def _count(usage: Any, name: str) -> int:
    count = _field(usage, name, int) or 0
    return count if 0 <= count <= _MOST_TOKENS else 0


def _field(value: Any, name: str, kind: type) -> Any:
    """Return a field of a JSON object, or None where it is not as it should be."""
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, kind) else None
