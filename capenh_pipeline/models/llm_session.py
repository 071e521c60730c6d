"""A run's conversation with an LLM server: tries, pauses, and what each row gets in the end.

The loop of tries is written out. A retry library would own counting and waiting, and both are the
endpoint's here: a try may cost its row nothing, and a pause holds for all rows.
"""

import asyncio
from dataclasses import replace

from capenh_pipeline.domain.fusion.verdict import Verdict
from capenh_pipeline.errors import ServerError
from capenh_pipeline.models.base import MergeReply, MergeRequest
from capenh_pipeline.models.llm_client import LlmClient
from capenh_pipeline.models.llm_complaints import (
    outage_complaint,
    row_complaint,
    run_complaint,
    streak_complaint,
)
from capenh_pipeline.models.llm_endpoint import COST_OF_FAILURE, Endpoint, Knowledge
from capenh_pipeline.models.llm_faults import NOT_FOUND, Fault, Severity
from capenh_pipeline.models.llm_protocol import Completion, LlmSettings
from capenh_pipeline.models.llm_rate import RateLimit
from capenh_pipeline.models.llm_row import RowTalk
from capenh_pipeline.models.llm_surroundings import REAL, Surroundings

TRIES_TO_REACH = 2  # a server that never answered is most likely not there
MOST_FAILED_ROWS = 20  # in a row: the next two million would fail as well

QUESTION = MergeRequest(
    key=None,
    system_prompt="Answer with one word.",
    user_message="What barks?",
    judge=lambda answer: Verdict(answer, None, None, (), None),
)


class LlmSession:
    """The one owner of retries: every request of a row is sent, counted and judged here."""

    def __init__(
        self,
        client: LlmClient,
        settings: LlmSettings,
        model: str,
        knowledge: Knowledge,
        surroundings: Surroundings = REAL,
    ) -> None:
        self._client = client
        self._settings = settings
        self._model = model
        self._knowledge = knowledge
        self._around = surroundings
        self._rate = RateLimit(client.server.shown_url, settings)
        self._judging = asyncio.Lock()
        self._failed_in_a_row = 0
        self._endpoint = Endpoint(
            client.server.shown_url,
            settings,
            surroundings,
            knowledge=knowledge,
            probe=self._probe,
            complain=self._complaint_of_outage,
        )

    async def answer(self, request: MergeRequest) -> MergeReply:
        """Return the reply to one row.

        Raises:
            ServerError: the run is over; what other rows got stays valid.
        """
        talk = RowTalk(request)
        for _ in range(self._settings.llm_attempts):
            fault = await self._next_answer(talk)
            if fault is not None:
                return await self._give_up(talk, fault)
            if talk.fault is None:
                break
        self._failed_in_a_row = 0
        return talk.reply()

    async def _next_answer(self, talk: RowTalk) -> Fault | None:
        """Have `talk` take an answer, or return why there is none."""
        cost = 0
        while True:
            sent_at, outcome = await self._send(talk)
            if isinstance(outcome, Completion):
                await self._take(talk, outcome, latency_s=self._around.clock() - sent_at)
                return None
            talk.note_failure()
            cost += await self._endpoint.cost(outcome, sent_at=sent_at)
            if cost >= self._tries_for(outcome) * COST_OF_FAILURE:
                return outcome
            if not outcome.is_refusal:  # else all wait
                first_s = self._settings.backoff_s
                await self._around.sleep(self._around.backoff_s(first_s, attempt=talk.failures))

    async def _take(self, talk: RowTalk, completion: Completion, *, latency_s: float) -> None:
        """Have `talk` judge an answer, one answer a turn of the loop.

        Judging takes longer than all else of a request. Were a burst of answers judged in one turn,
        their next requests would leave together after it, and burst would follow burst.
        """
        async with self._judging:
            await asyncio.sleep(0)
            talk.take(completion, latency_s=latency_s)

    async def _send(self, talk: RowTalk) -> tuple[float, Completion | Fault]:
        """Send one request when it may go; return when it went, and what came of it."""
        estimate = self._rate.estimate(talk.messages)
        sent_at = await self._endpoint.enter(lambda: self._rate.wait(estimate, self._around.sleep))
        try:
            outcome = await self._complete(talk, self._settings)
        finally:
            self._endpoint.leave()
        if isinstance(outcome, Completion):
            self._endpoint.answered()
            self._rate.correct(estimate, outcome)
        return sent_at, outcome

    async def _complete(self, talk: RowTalk, settings: LlmSettings) -> Completion | Fault:
        """Send one request, again where it only finds out which parameters the model takes."""
        while True:
            dialect = self._knowledge.dialect
            payload = dialect.payload(settings, model=self._model, messages=talk.messages)
            outcome = await self._client.complete(payload)
            fault = outcome if isinstance(outcome, Fault) else None
            self._knowledge.was_reached |= fault is None or fault.is_of_a_server
            if fault is None or not self._knowledge.learn(fault, dialect):
                return outcome

    async def _probe(self) -> Fault | None:
        settings = replace(self._settings, max_tokens=1)
        outcome = await self._complete(RowTalk(QUESTION), settings)
        is_up = isinstance(outcome, Completion) or outcome.severity is Severity.ROW
        return None if is_up else outcome

    async def _give_up(self, talk: RowTalk, fault: Fault) -> MergeReply:
        if fault.severity is Severity.ROW and talk.fault is not None:
            return talk.reply()  # its answer was bad, and a better one cannot be asked for
        if fault.severity not in (Severity.ROW, Severity.TRANSIENT) and not self._outlives(fault):
            raise await self._complaint(fault)
        error = row_complaint(fault, self._client.server, attempts=talk.failures)
        self._failed_in_a_row = 0 if fault.severity is Severity.ROW else self._failed_in_a_row + 1
        if self._failed_in_a_row >= MOST_FAILED_ROWS:
            raise streak_complaint(error, rows=self._failed_in_a_row)
        return talk.reply(error_kind=fault.kind, error=error)

    def _outlives(self, fault: Fault) -> bool:
        """Return whether the run goes on without the row though the server was not reached."""
        return fault.severity is not Severity.FATAL and self._knowledge.has_answered

    async def _complaint(self, fault: Fault) -> ServerError:
        offered = await self._client.list_models() if fault.kind == NOT_FOUND else None
        return run_complaint(
            fault,
            self._client.server,
            model=self._model,
            offered=offered if isinstance(offered, list) else None,
        )

    async def _complaint_of_outage(self, fault: Fault) -> ServerError:
        if fault.severity is Severity.FATAL:
            return await self._complaint(fault)
        patience_s = self._settings.patience_s
        return outage_complaint(fault, self._client.server, patience_s=patience_s)

    def _tries_for(self, fault: Fault) -> int:
        if fault.severity in (Severity.ROW, Severity.FATAL):
            return 1
        if fault.severity is not Severity.TRANSIENT and not self._knowledge.was_reached:
            return min(TRIES_TO_REACH, self._settings.max_attempts)
        return self._settings.max_attempts
