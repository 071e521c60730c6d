"""What a run may spend on the LLM, and when it has to stop."""

from collections.abc import Iterable, Iterator
from itertools import chain

from capenh_pipeline.domain.costs import CHARACTERS_A_TOKEN, cost_of
from capenh_pipeline.domain.options import Options
from capenh_pipeline.models.base import MergeReply, MergeRequest

ANSWER_TOKENS = 120
"""What an answer is guessed to have until there was one."""


class Spending:
    """Lets no request through that is expected to go beyond what the options allow.

    What is on its way is counted as the answers so far were, before the first one as the most
    that it can be, so that an LLM that writes far more than is usual is found out in time. The
    limit may still be passed by rows on their way that take more than those before them.
    """

    def __init__(self, options: Options) -> None:
        self._options = options
        self._read = self._written = self._answered = self._sent = 0
        self._guess = (0, 0)
        self._held: MergeRequest | None = None

    def add(self, reply: MergeReply) -> None:
        """Count what a row has cost; by a guess if the server does not say how many tokens."""
        read, written = reply.prompt_tokens, reply.completion_tokens
        if not read + written and reply.latency_s:
            read, written = (tokens * reply.attempts for tokens in self._guess)
        self._read += read
        self._written += written
        self._answered += 1

    def rounds(self, requests: Iterable[MergeRequest]) -> Iterator[Iterator[MergeRequest]]:
        """Yield requests in rounds, each to be answered before the next: as many as can be paid.

        What is on its way is known by a guess, so that a round can end early; there is another
        one if the answers leave room for it.
        """
        remaining = iter(requests)
        yield self._round(remaining)
        while self._held and self._can_pay(self._held):
            yield self._round(chain([self._held], remaining))

    def _round(self, requests: Iterable[MergeRequest]) -> Iterator[MergeRequest]:
        self._held = None
        for request in requests:
            if not self._can_pay(request):
                self._held = request
                return
            self._sent += 1
            self._guess = _guessed(request)
            yield request

    def warnings(self, *, left: int) -> list[str]:
        """Return what the user is told at the end.

        Args:
            left: captions that are still missing.
        """
        if self._held is None:
            return []
        limits = " or ".join(
            f"--{name} {value:g}"
            for name in ("max_tokens_total", "max_cost")
            if (value := getattr(self._options, name)) is not None
        )
        if not self._sent:
            read, written = _guessed(self._held)
            return [
                f"No combined caption was asked for: the first is expected to read {read} tokens "
                f"and write {written}, which {limits} does not allow; raise it. {left} are left."
            ]
        return [
            f"Stopped because of {limits}, after {self._read + self._written} tokens: "
            f"{left} combined captions are left; run again to go on."
        ]

    def _can_pay(self, request: MergeRequest) -> bool:
        options = self._options
        if options.max_tokens_total is None and options.max_cost is None:
            return True
        coming = self._sent - self._answered + 1
        read, written = self._expected(request, coming)
        read, written = self._read + coming * read, self._written + coming * written
        cost = cost_of(options, read, written) or 0.0
        return read + written <= (options.max_tokens_total or float("inf")) and (
            options.max_cost is None or cost <= options.max_cost
        )

    def _expected(self, request: MergeRequest, coming: int) -> tuple[float, float]:
        """Return the tokens that each of the `coming` rows is expected to read and write."""
        if self._answered:
            return self._read / self._answered, self._written / self._answered
        read, written = _guessed(request)
        if coming == 1:
            return read, written
        attempts = self._options.llm_attempts
        return read * attempts, self._options.llm_max_tokens * attempts


def _guessed(request: MergeRequest) -> tuple[int, int]:
    characters = len(request.system_prompt) + len(request.user_message)
    return characters // CHARACTERS_A_TOKEN, ANSWER_TOKENS
