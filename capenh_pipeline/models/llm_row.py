"""One row's conversation with an LLM: what was said, what it cost, and what came of it."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from capenh_pipeline.domain.fusion.verdict import Verdict
from capenh_pipeline.domain.replies import caption_of, check_finish_reason
from capenh_pipeline.errors import RowError
from capenh_pipeline.models.base import MergeReply, MergeRequest
from capenh_pipeline.models.llm_protocol import Completion

_AGAIN = "Your answer was rejected: {fault} Answer again with the caption alone."


class RowTalk:
    """The conversation about one row; it grows with every answer that is not good enough.

    Attributes:
        messages: what the LLM is told next.
        attempts: requests that were sent.
        failures: those of them that got no answer, since the last that did.
        fault: why the last answer will not do, None if it will.
        parameters: no other than those of the settings.
    """

    parameters: Mapping[str, Any] = MappingProxyType({})

    def __init__(self, request: MergeRequest) -> None:
        self._request = request
        self.messages = [
            _turn("system", request.system_prompt),
            _turn("user", request.user_message),
        ]
        self.attempts = self.failures = 0
        self.fault: RowError | None = None
        self._verdict: Verdict | None = None
        self._finish_reason: str | None = None
        self._prompt_tokens = self._completion_tokens = 0
        self._latency_s = 0.0

    def take(self, completion: Completion, *, latency_s: float) -> None:
        """Judge an answer; if it is not good enough, the LLM is told so next."""
        self.attempts += 1
        self.failures = 0
        self._finish_reason = completion.finish_reason
        self._prompt_tokens += completion.prompt_tokens
        self._completion_tokens += completion.completion_tokens
        self._latency_s += latency_s
        self.fault = self._fault_of(completion)
        if self.fault is not None:
            self._object(completion.text, self.fault)

    @property
    def wants_another(self) -> bool:
        """Whether the last answer will not do."""
        return self.fault is not None

    def note_failure(self) -> None:
        """Take note of a request that got no answer."""
        self.attempts += 1
        self.failures += 1

    def reply(self, *, error_kind: str | None = None, error: str | None = None) -> MergeReply:
        """Return what came of the row: its last answer, or the error that took its place."""
        if error_kind is None and self.fault is not None:
            error_kind, error = self.fault.kind, str(self.fault)
        return MergeReply(
            key=self._request.key,
            verdict=self._verdict,
            error_kind=error_kind,
            error=error,
            finish_reason=self._finish_reason,
            prompt_tokens=self._prompt_tokens,
            completion_tokens=self._completion_tokens,
            attempts=self.attempts,
            latency_s=self._latency_s,
        )

    def _fault_of(self, completion: Completion) -> RowError | None:
        try:
            check_finish_reason(completion.finish_reason, refusal=completion.refusal)
            caption_of(completion.text)
        except RowError as fault:
            return fault
        self._verdict = self._request.judge(completion.text or "")
        return self._verdict.fault

    def _object(self, answer: str | None, fault: RowError) -> None:
        objection = _AGAIN.format(fault=_sentence(str(fault)))
        try:
            said = caption_of(answer)  # without reasoning, and without what cannot be sent
        except RowError:
            # many chat templates refuse two turns of one role in a row
            self.messages[-1] = _turn("user", f"{self.messages[-1]['content']}\n\n{objection}")
            return
        self.messages += [_turn("assistant", said), _turn("user", objection)]


def _turn(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


def _sentence(words: str) -> str:
    return words if words.endswith((".", "!", "?")) else f"{words}."
