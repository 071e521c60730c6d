"""What a run may spend on the LLM, and when it has to stop."""

from collections.abc import Iterable, Iterator
from itertools import chain

from capenh_pipeline.domain.costs import CHARACTERS_A_TOKEN, cost_of
from capenh_pipeline.domain.options import Options
from capenh_pipeline.models.base import MergeRequest

ANSWER_TOKENS = 120
"""What an answer is guessed to have until there was one."""


class Spending:
    """Lets no request through that is expected to go beyond what the options allow.

    What is on its way is counted as the answers so far were, so the limit is missed by the
    difference, which is small: it may be passed by a few answers that are longer than usual.
    """

    def __init__(self, options: Options) -> None:
        self._options = options
        self._read = self._written = self._answered = self._sent = 0
        self._held: MergeRequest | None = None

    def add(self, prompt_tokens: int, completion_tokens: int) -> None:
        """Count what a row has cost."""
        self._read += prompt_tokens
        self._written += completion_tokens
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
            yield request

    def warnings(self, *, left: int) -> list[str]:
        """Return what the user is told at the end.

        Args:
            left: captions that are still missing.
        """
        if self._held is None:
            return []
        limits = [
            f"--{name} {value:g}"
            for name in ("max_tokens_total", "max_cost")
            if (value := getattr(self._options, name)) is not None
        ]
        return [
            f"Stopped before {' or '.join(limits)} was passed, after {self._read + self._written} "
            f"tokens: {left} combined captions are left; run again to go on."
        ]

    def _can_pay(self, request: MergeRequest) -> bool:
        options = self._options
        if options.max_tokens_total is None and options.max_cost is None:
            return True
        read, written = self._expected(request)
        coming = self._sent - self._answered + 1
        read, written = self._read + coming * read, self._written + coming * written
        cost = cost_of(options, read, written) or 0.0
        return read + written <= (options.max_tokens_total or float("inf")) and (
            options.max_cost is None or cost <= options.max_cost
        )

    def _expected(self, request: MergeRequest) -> tuple[float, float]:
        """Return the tokens that one more row is expected to read and write."""
        if self._answered:
            return self._read / self._answered, self._written / self._answered
        characters = len(request.system_prompt) + len(request.user_message)
        return characters / CHARACTERS_A_TOKEN, ANSWER_TOKENS
