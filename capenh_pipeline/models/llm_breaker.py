"""A circuit breaker: tells a server that is down from rows that it cannot answer.

Source of the idea: M. Nygard, "Release It!", Pragmatic Bookshelf, 2007, chapter 5.
"""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from capenh_pipeline.errors import ServerError
from capenh_pipeline.models.llm_faults import Fault, Severity
from capenh_pipeline.models.llm_protocol import LlmSettings
from capenh_pipeline.models.llm_surroundings import Surroundings

FAILURES_TO_SUSPECT = 8

logger = logging.getLogger(__name__)

WellAt = Callable[[], float]


@dataclass(frozen=True)
class Inquiry:
    """How a breaker finds out about its server, and about others.

    Attributes:
        probe: asks the server something harmless; returns why it is down, or None.
        complain: words the error that ends the run, for the fault of the last probe.
        others_well_at: returns when another server that rows may go to was well, which is now if
            one is: the patience counts from then. None if there is no other.
    """

    probe: Callable[[], Awaitable[Fault | None]]
    complain: Callable[[Fault], Awaitable[ServerError]]
    others_well_at: WellAt | None = None


class Breaker:
    """Holds requests back while a server that has answered before is down.

    Failed tries in a row, of whatever rows, raise a suspicion. A probe, which is no row's request,
    then decides: if it is answered, the rows are to blame; if not, the server is down. It is then
    probed at growing pauses, one probe at a time, until it answers or the patience ends.

    Args:
        where: the server and its address, for people.
        settings: how long a server may be down, and how long the first pause may be.
        surroundings: clock, sleep and chance.
        inquiry: finds out whether the server is down.

    Attributes:
        down_since: when it was found to be down, None while it is not.
        fault: of the last probe that failed.
    """

    def __init__(
        self,
        where: str,
        settings: LlmSettings,
        surroundings: Surroundings,
        inquiry: Inquiry,
    ) -> None:
        self._where = where
        self._settings = settings
        self._around = surroundings
        self._probe = inquiry.probe
        self._complain = inquiry.complain
        self._others_well_at = inquiry.others_well_at
        self.down_since: float | None = None
        self.fault: Fault | None = None
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

    @property
    def is_suspicious(self) -> bool:
        """Whether it is being found out if the server is down, or when it is well again."""
        return self._task is not None

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

    async def wait_until_known(self) -> None:
        """Return when a suspicion is confirmed or not; at once if there is none."""
        if self._task is not None:
            await self._is_known.wait()

    async def wait_until_well(self) -> None:
        """As `wait`, and while the server is only suspected too."""
        while self._task is not None:
            await asyncio.wait([self._task])
        await self.wait()

    def suspect(self, *, at_once: bool) -> None:
        """Take note of a failed try: it, or enough in a row, have the server probed."""
        self._streak += 1
        enough = 1 if at_once else min(FAILURES_TO_SUSPECT, self._settings.max_attempts)
        if self._streak >= enough and self._task is None:
            self._is_known.clear()
            self._task = asyncio.create_task(self._find_out())

    async def blames_server(self, *, sent_at: float) -> bool:
        """Take note of a failed try; return whether it failed because the server was down."""
        self.suspect(at_once=False)
        await self.wait_until_known()
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
            left_s = self._settings.patience_s - (self._around.clock() - self._all_down(since))
            if fault.severity is Severity.FATAL or left_s <= 0:
                self._end = str(await self._complain(fault))
                return
            pauses += 1
            since += asked_s  # waiting as it was asked to costs no patience
            pause_s = self._around.backoff_s(self._settings.backoff_s, attempt=pauses)
            await self._around.sleep(asked_s + min(pause_s, left_s))

    def _all_down(self, since: float) -> float:
        """Return since when no server is well, where this one is not since `since`."""
        return since if self._others_well_at is None else max(since, self._others_well_at())

    def _open(self, fault: Fault) -> None:
        self.fault = fault
        if self.is_closed:
            self.down_since = self._around.clock()
            logger.warning(
                "The %s is down (%s); it is asked again%s.",
                self._where,
                fault.words,
                " now and then, and the others meanwhile"
                if self._others_well_at
                else f" for {self._settings.patience_s:.0f} s",
            )
        self._down_until = math.inf
        self._is_closed.clear()
        self._is_known.set()

    def _close(self) -> None:
        if not self.is_closed:
            self._down_until = self._around.clock()
            if self._end is None:
                logger.warning("The %s answers again.", self._where)
        self._streak = 0
        self.down_since = None
        self._task = None
        self._is_known.set()
        self._is_closed.set()
