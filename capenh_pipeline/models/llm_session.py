"""A run's conversation with an LLM server: tries, pauses, and what each row gets in the end."""

import asyncio
import random
from dataclasses import dataclass, field

from capenh_pipeline.domain.replies import caption_of, check_finish_reason
from capenh_pipeline.errors import RowError, ServerError
from capenh_pipeline.models.base import MergeReply, MergeRequest
from capenh_pipeline.models.llm_client import LlmClient
from capenh_pipeline.models.llm_complaints import row_complaint, run_complaint
from capenh_pipeline.models.llm_faults import NOT_FOUND, Fault, Severity
from capenh_pipeline.models.llm_protocol import Completion, Dialect, LlmSettings

MAX_BACKOFF_S = 30.0
MAX_RETRY_AFTER_S = 120.0
TRIES_TO_REACH = 2  # a server that never answered is most likely not there


@dataclass
class Knowledge:
    """What a run has learnt about its server.

    Attributes:
        dialect: the parameters that the model takes.
        was_reached: whether the server ever answered.
    """

    dialect: Dialect = field(default_factory=Dialect)
    was_reached: bool = False


class LlmSession:
    """The one owner of retries: every request of a row is sent, counted and judged here."""

    def __init__(
        self, client: LlmClient, settings: LlmSettings, model: str, knowledge: Knowledge
    ) -> None:
        self._client = client
        self._settings = settings
        self._model = model
        self._knowledge = knowledge

    async def answer(self, request: MergeRequest) -> MergeReply | ServerError:
        """Return the reply to one row, or the error that ends the run."""
        attempt = 0
        while True:
            attempt += 1
            outcome = await self._ask(request.user_message)
            if isinstance(outcome, Completion):
                return _reply(request, outcome, attempts=attempt)
            if attempt >= self._tries_for(outcome):
                return await self._give_up(request, outcome, attempts=attempt)
            spread = random.random()  # noqa: S311  # no secret
            backoff_s = self._settings.backoff_s
            await asyncio.sleep(
                pause_s(outcome, attempt=attempt, backoff_s=backoff_s, spread=spread)
            )

    async def _ask(self, user_message: str) -> Completion | Fault:
        """Send one request, again where it only finds out which parameters the model takes."""
        while True:
            dialect = self._knowledge.dialect
            payload = dialect.payload(self._settings, model=self._model, user_message=user_message)
            outcome = await self._client.complete(payload)
            fault = outcome if isinstance(outcome, Fault) else None
            if fault is None or fault.severity is not Severity.UNREACHABLE:
                self._knowledge.was_reached = True
            if fault is None or not self._learn(fault, dialect):
                return outcome

    def _learn(self, fault: Fault, dialect: Dialect) -> bool:
        """Drop the parameter that the model refused; False if `dialect` did not send it."""
        parameter = fault.refused_parameter
        if parameter is None or dialect.without(parameter) == dialect:
            return False
        self._knowledge.dialect = self._knowledge.dialect.without(parameter)
        return True

    async def _give_up(
        self, request: MergeRequest, fault: Fault, *, attempts: int
    ) -> MergeReply | ServerError:
        if fault.severity in (Severity.ROW, Severity.TRANSIENT):
            error = row_complaint(fault, self._client.server, attempts=attempts)
            return MergeReply(request.key, None, fault.kind, error, None, 0, 0, attempts)
        offered = await self._client.list_models() if fault.kind == NOT_FOUND else None
        return run_complaint(
            fault,
            self._client.server,
            model=self._model,
            offered=offered if isinstance(offered, list) else None,
        )

    def _tries_for(self, fault: Fault) -> int:
        if fault.severity in (Severity.ROW, Severity.FATAL):
            return 1
        if fault.severity is Severity.UNREACHABLE and not self._knowledge.was_reached:
            return min(TRIES_TO_REACH, self._settings.max_attempts)
        return self._settings.max_attempts


def pause_s(fault: Fault, *, attempt: int, backoff_s: float, spread: float) -> float:
    """Return the seconds to wait after a failed try: what the server asks for, else ever longer.

    Args:
        fault: of the try.
        attempt: its number, from 1.
        backoff_s: the first pause.
        spread: random, from 0 to 1, so that rows that failed together do not return together.
    """
    if fault.retry_after_s is not None:
        return min(fault.retry_after_s, MAX_RETRY_AFTER_S) * (1 + 0.1 * spread)
    return min(backoff_s * 2 ** (attempt - 1), MAX_BACKOFF_S) * (0.5 + 0.5 * spread)


def _reply(request: MergeRequest, completion: Completion, *, attempts: int) -> MergeReply:
    caption, kind, error = None, None, None
    try:
        check_finish_reason(completion.finish_reason, refusal=completion.refusal)
        caption = caption_of(completion.text)
    except RowError as failure:
        kind, error = failure.kind, str(failure)
    return MergeReply(
        key=request.key,
        caption=caption,
        error_kind=kind,
        error=error,
        finish_reason=completion.finish_reason,
        prompt_tokens=completion.prompt_tokens,
        completion_tokens=completion.completion_tokens,
        attempts=attempts,
    )
