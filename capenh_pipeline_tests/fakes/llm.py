"""An LLM in this process that answers at once, for what is not about LLMs."""

from collections.abc import Callable, Iterable

from capenh_pipeline.domain.fusion.verdict import Verdict
from capenh_pipeline.models.base import MergeReply, MergeRequest


class EchoLlm:
    """Answers each request with its own text on one line."""

    effective_model = "echo"

    def check(self) -> None:
        """It is always there."""

    def merge(self, requests: Iterable[MergeRequest], emit: Callable[[MergeReply], None]) -> None:
        for request in requests:
            caption = request.user_message.replace("\n", " ")
            emit(
                MergeReply(
                    key=request.key,
                    verdict=Verdict(caption, None, None, (), None),
                    error_kind=None,
                    error=None,
                    finish_reason="stop",
                    prompt_tokens=1,
                    completion_tokens=1,
                    attempts=1,
                    latency_s=0.0,
                )
            )
