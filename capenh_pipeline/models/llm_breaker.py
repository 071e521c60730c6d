"""A circuit breaker: tells a server that is down from rows that it cannot answer.

Source of the idea: M. Nygard, "Release It!", Pragmatic Bookshelf, 2007, chapter 5.
"""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable

from capenh_pipeline.errors import ServerError
from capenh_pipeline.models.llm_faults import Fault, Severity
from capenh_pipeline.models.llm_protocol import LlmSettings
from capenh_pipeline.models.llm_surroundings import Surroundings

FAILURES_TO_SUSPECT = 8

logger = logging.getLogger(__name__)

Probe = Callable[[], Awaitable[Fault | None]]
Complain = Callable[[Fault], Awaitable[ServerError]]


class Breaker:
    """Holds requests back while a server that has answered before is down.

    Failed tries in a row, of whatever rows, raise a suspicion. A probe, which is no row's request,
    then decides: if it is answered, the rows are to blame; if not, the server is down. It is then
    probed at growing pauses, one probe at a time, until it answers or the patience ends.

    Args:
        where: the server's address, for people.
        settings: how long a server may be down, and how long the first pause may be.
        surroundings: clock, sleep and chance.
        probe: asks the server something harmless; returns why it is down, or None.
        complain: words the error that ends the run, for the fault of the last probe.
    """

    def __init__(
        self,
        where: str,
        settings: LlmSettings,
        surroundings: Surroundings,
        *,
        probe: Probe,
        complain: Complain,
    ) -> None:
        self._where = where
        self._settings = settings
        self._around = surroundings
        self._probe = probe
        self._complain = complain
        self._streak = 0
        self._task: asyncio.Task[None] | None = None
        self._is_known = asyncio.Event()
        self._is_closed = asyncio.Event()
        self._is_closed.set()
        self._down_until = -math.inf
        self._end: str | None = None

    @property
    def is_closed(self) -> bool:
        """Whether requests may go."""
        return self._is_closed.is_set()

    async def wait(self) -> None:
        """Return when requests may go.

        Raises:
            ServerError: the server was down for longer than the patience.
        """
        await self._is_closed.wait()
        if self._end is not None:
            raise ServerError(self._end)

    def answered(self) -> None:
        """Take note of an answer, which ends an outage."""
        self._streak = 0
        if self._task is not None:
            self._task.cancel()
            self._close()

    async def blames_server(self, *, sent_at: float) -> bool:
        """Take note of a failed try; return whether it failed because the server was down."""
        self._streak += 1
        enough = min(FAILURES_TO_SUSPECT, self._settings.max_attempts)
        if self._streak >= enough and self._task is None:
            self._is_known.clear()
            self._task = asyncio.create_task(self._find_out())
        if self._task is not None:
            await self._is_known.wait()
        return sent_at <= self._down_until

    async def _find_out(self) -> None:
        try:
            await self._probe_until_answered()
        finally:
            task = asyncio.current_task()
            if task is None or not task.cancelling():  # else it is closed, or the run is over
                self._close()

    async def _probe_until_answered(self) -> None:
        since = self._around.clock()
        pauses = 0
        while (fault := await self._probe()) is not None:
            self._open(fault)
            asked_s = fault.retry_after_s or 0.0
            left_s = self._settings.patience_s - (self._around.clock() - since)
            if fault.severity is Severity.FATAL or left_s <= 0:
                self._end = str(await self._complain(fault))
                return
            pauses += 1
            since += asked_s  # waiting as it was asked to costs no patience
            pause_s = self._around.backoff_s(self._settings.backoff_s, attempt=pauses)
            await self._around.sleep(asked_s + min(pause_s, left_s))

    def _open(self, fault: Fault) -> None:
        if self.is_closed:
            logger.warning(
                "The LLM server at %s is down (%s); it is asked again for %.0f s.",
                self._where,
                fault.words,
                self._settings.patience_s,
            )
        self._down_until = math.inf
        self._is_closed.clear()
        self._is_known.set()

    def _close(self) -> None:
        if not self.is_closed:
            self._down_until = self._around.clock()
            if self._end is None:
                logger.warning("The LLM server at %s answers again.", self._where)
        self._streak = 0
        self._task = None
        self._is_known.set()
        self._is_closed.set()
