"""A run's conversation with its servers: tries, pauses, and what each row gets in the end.

The loop of tries is written out. A retry library would own counting and waiting, and both are the
endpoint's here: a try may cost its row nothing, and a pause holds for all rows.
"""

import asyncio
from typing import Any, TypeVar

from capenh_pipeline.domain.fusion.verdict import Verdict
from capenh_pipeline.models.base import MergeReply, MergeRequest
from capenh_pipeline.models.llm_channel import Channel
from capenh_pipeline.models.llm_complaints import (
    rejection_complaint,
    row_complaint,
    streak_complaint,
)
from capenh_pipeline.models.llm_endpoint import COST_OF_FAILURE
from capenh_pipeline.models.llm_faults import Fault, Severity
from capenh_pipeline.models.llm_pool import Pool
from capenh_pipeline.models.llm_protocol import Completion, LlmSettings
from capenh_pipeline.models.llm_row import RowTalk
from capenh_pipeline.models.llm_surroundings import REAL, Surroundings
from capenh_pipeline.models.llm_talk import Talk

TRIES_TO_REACH = 2  # a server that never answered is most likely not there
MOST_FAILED_ROWS = 20  # in a row: the next two million would fail as well

R = TypeVar("R")

QUESTION = MergeRequest(
    key=None,
    system_prompt="Answer with one word.",
    user_message="What barks?",
    judge=lambda answer: Verdict(answer, None, None, (), None),
)


class LlmSession:
    """The one owner of retries: every request of a row is sent, counted and judged here.

    Args:
        pool: the servers.
        settings: how they are asked.
        surroundings: clock, sleep and chance.
        most_rejected: rows that may be rejected before any was answered; None is no limit.
    """

    def __init__(
        self,
        pool: Pool,
        settings: LlmSettings,
        surroundings: Surroundings = REAL,
        *,
        most_rejected: int | None = None,
    ) -> None:
        self._pool = pool
        self._settings = settings
        self._around = surroundings
        self._judging = asyncio.Lock()
        self._failed_in_a_row = self._rejected = 0
        self._most_rejected = most_rejected

    async def answer(self, request: MergeRequest) -> MergeReply:
        """Return the reply to one row of combined captions; see `converse`."""
        return await self.converse(RowTalk(request))

    async def converse(self, talk: Talk[R]) -> R:
        """Return what came of one row.

        Raises:
            ServerError: the run is over; what other rows got stays valid.
        """
        for _ in range(self._settings.llm_attempts):
            failure = await self._next_answer(talk)
            if failure is not None:
                return await self._give_up(talk, *failure)
            if not talk.wants_another:
                break
        self._failed_in_a_row = 0
        return talk.reply()

    async def _next_answer(self, talk: Talk[Any]) -> tuple[Fault, Channel] | None:
        """Have `talk` take an answer, or return why there is none, and whose fault it was."""
        cost, channel = 0, None
        while True:
            channel = await self._pool.choose(channel)
            sent = await channel.send(talk)
            if sent is None:
                continue
            sent_at, outcome = sent
            if isinstance(outcome, Completion):
                await self._take(talk, outcome, latency_s=self._around.clock() - sent_at)
                return None
            talk.note_failure()
            cost += await channel.endpoint.cost(outcome, sent_at=sent_at)
            if cost >= self._tries_for(outcome) * COST_OF_FAILURE:
                return outcome, channel
            if not outcome.is_refusal:  # else all wait
                first_s = self._settings.backoff_s
                await self._around.sleep(self._around.backoff_s(first_s, attempt=talk.failures))

    async def _take(self, talk: Talk[Any], completion: Completion, *, latency_s: float) -> None:
        """Have `talk` judge an answer, one answer a turn of the loop.

        Judging takes longer than all else of a request. Were a burst of answers judged in one turn,
        their next requests would leave together after it, and burst would follow burst.
        """
        async with self._judging:
            await asyncio.sleep(0)
            talk.take(completion, latency_s=latency_s)

    async def _give_up(self, talk: Talk[R], fault: Fault, channel: Channel) -> R:
        if fault.severity is Severity.ROW and talk.wants_another:
            return talk.reply()  # its answer was bad, and a better one cannot be asked for
        if fault.severity not in (Severity.ROW, Severity.TRANSIENT) and not self._outlives(fault):
            raise await channel.complaint(fault)
        error = row_complaint(fault, channel.server, attempts=talk.failures)
        self._note_failed_row(fault, error)
        return talk.reply(error_kind=fault.kind, error=error)

    def _note_failed_row(self, fault: Fault, error: str) -> None:
        """Raise `ServerError` if there is little hope for other rows."""
        if fault.severity is Severity.ROW:
            self._failed_in_a_row = 0
            self._rejected += not self._pool.has_answered
            if self._rejected == self._most_rejected:
                raise rejection_complaint(error, rows=self._rejected)
            return
        self._failed_in_a_row += 1
        if self._failed_in_a_row >= MOST_FAILED_ROWS:
            raise streak_complaint(error, rows=self._failed_in_a_row)

    def _outlives(self, fault: Fault) -> bool:
        """Return whether the run goes on without the row though the server was not reached."""
        return fault.severity is not Severity.FATAL and self._pool.has_answered

    def _tries_for(self, fault: Fault) -> int:
        if fault.severity in (Severity.ROW, Severity.FATAL):
            return 1
        if fault.severity is not Severity.TRANSIENT and not self._pool.was_reached:
            return min(TRIES_TO_REACH, self._settings.max_attempts)
        return self._settings.max_attempts
