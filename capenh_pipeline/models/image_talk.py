"""One image's conversation with a VLM server: a caption, and another one if that is not good."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from capenh_pipeline.domain.replies import (
    check_finish_reason,
    one_line,
    plain_text,
    without_reasoning,
)
from capenh_pipeline.errors import RowError
from capenh_pipeline.models.base import AS_LOADED, Generation, VlmReply
from capenh_pipeline.models.llm_protocol import Completion

LOOP_PENALTY = 1.0
"""Half of the most that the protocol knows. No parameter of it forbids a repetition outright, as
`no_repeat_ngram_size` does in this process."""

_LENGTH = "length"


@dataclass(frozen=True)
class ImageRequest:
    """One image and prompt for a served VLM.

    Attributes:
        key: given back untouched.
        image_url: the image, as `data_url` makes it.
        prompt: what is asked.
        again: says what a reply is to be tried once more with, None if it is good.
    """

    key: Any
    image_url: str = field(repr=False)
    prompt: str
    again: Callable[[VlmReply | RowError], Generation | None]


@dataclass(frozen=True)
class Answer:
    """A reply, or why there is none, and what it was generated with."""

    result: VlmReply | RowError
    generation: Generation


@dataclass(frozen=True)
class ImageReply:
    """What came of one image and prompt.

    Attributes:
        key: of the request.
        answers: one, or a second that was wanted because the first is not good.
        attempts: requests that were sent, retries included.
        model: that answered, as the server says; None if none did.
    """

    key: Any
    answers: tuple[Answer, ...]
    attempts: int
    model: str | None


class ImageTalk:
    """The conversation about one image (`llm_talk.Talk`).

    A second caption is asked for anew: what the model said before would only be repeated.

    Args:
        request: the image and the prompt.
        system_prompt: what the model reads before, or None.
        max_tokens: longest caption.
    """

    def __init__(
        self, request: ImageRequest, *, system_prompt: str | None, max_tokens: int
    ) -> None:
        self._request = request
        self._max_tokens = max_tokens
        self.messages = _messages(request, system_prompt)
        self.failures = self._attempts = 0
        self.wants_another = False
        self._generation = AS_LOADED
        self._answers: list[Answer] = []
        self._model: str | None = None

    @property
    def parameters(self) -> Mapping[str, Any]:
        """What the next request is sent with."""
        return request_parameters(self._generation, max_tokens=self._max_tokens)

    def take(self, completion: Completion, *, latency_s: float) -> None:
        """Keep an answer; whether another one is wanted is for the request to say."""
        del latency_s
        self._attempts += 1
        self.failures = 0
        self._model = completion.model or self._model
        result = _result(completion)
        self._answers.append(Answer(result, self._generation))
        other = self._request.again(result) if len(self._answers) == 1 else None
        self.wants_another = other is not None
        self._generation = other or self._generation

    def note_failure(self) -> None:
        """Take note of a request that got no answer."""
        self._attempts += 1
        self.failures += 1

    def reply(self, *, error_kind: str | None = None, error: str | None = None) -> ImageReply:
        """Return the answers; the error stands for one that there is not."""
        answers = list(self._answers)
        if error_kind is not None:
            answers.append(Answer(RowError(error_kind, error or error_kind), self._generation))
        return ImageReply(self._request.key, tuple(answers), self._attempts, self._model)


def request_parameters(generation: Generation, *, max_tokens: int) -> dict[str, Any]:
    """Return what a request is sent with, by the names of `LlmSettings`."""
    parameters: dict[str, Any] = {"max_tokens": max_tokens * generation.token_factor}
    if generation.no_repeat_ngram_size:
        parameters["frequency_penalty"] = LOOP_PENALTY
    return parameters


def _messages(request: ImageRequest, system_prompt: str | None) -> list[dict[str, Any]]:
    system = [{"role": "system", "content": system_prompt}] if system_prompt else []
    image = {"type": "image_url", "image_url": {"url": request.image_url}}
    content = [image, {"type": "text", "text": request.prompt}]
    return [*system, {"role": "user", "content": content}]


def _result(completion: Completion) -> VlmReply | RowError:
    """Return the caption; one that was cut off is one too."""
    is_cut_off = completion.finish_reason == _LENGTH
    if completion.refusal:
        return RowError("refusal", f"The VLM refused to answer: {one_line(completion.refusal)}")
    try:
        check_finish_reason(None if is_cut_off else completion.finish_reason)
    except RowError as fault:
        return fault
    caption = plain_text(without_reasoning(completion.text or ""))
    return VlmReply(caption, _LENGTH if is_cut_off else "stop", completion.completion_tokens)
