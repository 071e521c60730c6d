"""Pauses that a server asks for: they hold for every request, not for the one that was told."""

import logging
from datetime import datetime, timedelta

from capenh_pipeline.models.llm_faults import Fault
from capenh_pipeline.models.llm_surroundings import MAX_BACKOFF_S, Surroundings

SPREAD_S = 5.0  # within which requests go again after a pause, lest they overrun the server
_WORTH_TELLING_S = 10.0

logger = logging.getLogger(__name__)


class Pause:
    """When requests may go again to a server that asked to be left alone.

    Args:
        where: the server and its address, for people.
        backoff_s: the first pause for a server that does not say how long; it doubles.
        surroundings: clock, sleep and chance.
    """

    def __init__(self, where: str, backoff_s: float, surroundings: Surroundings) -> None:
        self._where = where
        self._backoff_s = backoff_s
        self._around = surroundings
        self._until = self._began = surroundings.clock()
        self._spread_s = 0.0
        self._in_a_row = 0

    @property
    def is_over(self) -> bool:
        """Whether requests may go."""
        return self._around.clock() >= self._until

    async def wait(self) -> None:
        """Return when requests may go; those that waited together return one after another."""
        while (left_s := self._until - self._around.clock()) > 0:
            await self._around.sleep(left_s + self._spread_s * self._around.spread())

    def answered(self) -> None:
        """Take note of a good answer: the next pause is a first one."""
        self._in_a_row = 0

    def refused(self, fault: Fault, *, sent_at: float) -> bool:
        """Begin a pause if the server asks for one.

        Its word counts alone once. If it refuses again what waited as long as it asked for, our
        own pause is the least: who asks for no time at all would be asked without end.

        Args:
            fault: what it answered.
            sent_at: when the request went. What went before the present pause began is about
                the same wish, so that many refusals at once do not double it each.

        Returns:
            Whether this was news.
        """
        if not fault.is_refusal:
            return False
        is_news = sent_at >= self._began
        seconds = fault.retry_after_s or 0.0
        if seconds >= _WORTH_TELLING_S and not self._covers(seconds):
            _tell(self._where, seconds)
        if is_news:
            if fault.retry_after_s is None or self._in_a_row:
                seconds = max(seconds, self._own_s())
            self._began = self._around.clock()
            self._in_a_row += 1
        self._extend(seconds)
        return is_news

    def _own_s(self) -> float:
        longest_s = min(MAX_BACKOFF_S, self._backoff_s * 2 ** min(self._in_a_row, 32))
        return longest_s * (0.5 + 0.5 * self._around.spread())

    def _covers(self, seconds: float) -> bool:
        return self._around.clock() + seconds <= self._until + SPREAD_S

    def _extend(self, seconds: float) -> None:
        until = self._around.clock() + seconds
        if until > self._until:
            self._until = until
            self._spread_s = min(seconds, SPREAD_S)


def _tell(where: str, seconds: float) -> None:
    resumes = datetime.now().astimezone() + timedelta(seconds=min(seconds, 10**9))
    day = "%H:%M" if seconds < 12 * 3600 else "%Y-%m-%d %H:%M"
    logger.warning(
        "The %s asks to wait %.0f s (until %s).",
        where,
        seconds,
        resumes.strftime(day),
    )
