"""The door to an LLM server: every request of a run goes through it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from capenh_pipeline.models.llm_breaker import Breaker, Inquiry
from capenh_pipeline.models.llm_faults import Fault, Severity
from capenh_pipeline.models.llm_pause import Pause
from capenh_pipeline.models.llm_protocol import Dialect, LlmSettings
from capenh_pipeline.models.llm_surroundings import Surroundings
from capenh_pipeline.models.llm_window import Window

# To a row: "not now", or nobody there where somebody has answered before, says little about it.
COST_OF_REFUSAL, COST_OF_FAILURE = 1, 10


@dataclass
class Knowledge:
    """What a run has learnt about its server.

    Attributes:
        dialect: the parameters that the model takes.
        was_reached: whether the server ever answered as a server of this protocol does.
        has_answered: whether it ever gave a completion. Before, a row that fails may be like all
            others; after, the server is worth waiting for.
    """

    dialect: Dialect = field(default_factory=Dialect)
    was_reached: bool = False
    has_answered: bool = False

    def learn(self, fault: Fault, dialect: Dialect) -> bool:
        """Drop the parameter that the model refused; False if `dialect` did not send it."""
        parameter = fault.refused_parameter
        if parameter is None or dialect.without(parameter) == dialect:
            return False
        self.dialect = self.dialect.without(parameter)
        return True


class Endpoint:
    """Decides when a request may go, from what came of all the others.

    Args:
        where: the server and its address, for people.
        settings: how the LLM is asked.
        surroundings: clock, sleep and chance.
        knowledge: of the server; good answers are noted there.
        inquiry: finds out whether the server is down. Where there are other servers, nobody waits
            for one that is not well: rows go elsewhere.
    """

    def __init__(
        self,
        where: str,
        settings: LlmSettings,
        surroundings: Surroundings,
        *,
        knowledge: Knowledge,
        inquiry: Inquiry,
    ) -> None:
        self._around = surroundings
        self._knowledge = knowledge
        self._window = Window(settings.concurrency)
        self._pause = Pause(where, settings.backoff_s, surroundings)
        self._has_others = inquiry.others_well_at is not None
        self._breaker = Breaker(where, settings, surroundings, inquiry)

    @property
    def is_open(self) -> bool:
        """Whether a request may go, as far as the server is concerned."""
        return not self._breaker.is_suspicious and self._pause.is_over

    @property
    def room(self) -> int:
        """How many requests may be at the server at once."""
        return self._window.size

    @property
    def down_since(self) -> float | None:
        """When the server was found to be down, None while it is not."""
        return self._breaker.down_since

    @property
    def fault(self) -> Fault | None:
        """What the last probe found to be wrong."""
        return self._breaker.fault

    async def wait_until_known(self) -> None:
        """Return when it is known whether the server is down, if that is suspected."""
        await self._breaker.wait_until_known()

    async def wait_until_open(self) -> None:
        """Return when requests may go.

        Raises:
            ServerError: the run is over.
        """
        await self._breaker.wait_until_well()
        await self._pause.wait()

    async def enter(self, reserve: Callable[[], Awaitable[None]]) -> float | None:
        """Return when a request may go, with the time; `leave` must follow.

        None is returned where it is better sent to another server, and nothing must follow.

        Args:
            reserve: waits until the rate limits let the request go.

        Raises:
            ServerError: the server was down for too long.
        """
        await self._window.enter()
        try:
            while self.is_open or not self._has_others:
                await self._breaker.wait()
                await self._pause.wait()
                await reserve()
                if self._breaker.is_closed and self._pause.is_over:
                    return self._around.clock()
        except BaseException:
            self._window.leave()
            raise
        self._window.leave()
        return None

    def leave(self) -> None:
        """Take note that a request has come to its end."""
        self._window.leave()

    def answered(self) -> None:
        """Take note of a good answer."""
        self._knowledge.has_answered = True
        self._pause.answered()
        self._breaker.answered()
        self._window.widen()

    async def cost(self, fault: Fault, *, sent_at: float) -> int:
        """Take note of a failed try; return what it costs its row.

        Where failures make the server suspect, this waits until it is known whether it is down.
        """
        is_news = self._pause.refused(fault, sent_at=sent_at)
        if is_news:
            self._window.halve()
        if self._has_others:
            return self._cost_among_others(fault)
        if not self._knowledge.has_answered:
            return COST_OF_FAILURE
        if fault.severity is Severity.ROW:
            self._breaker.answered()
        elif (is_news or not fault.is_refusal) and await self._is_down(fault, sent_at=sent_at):
            return 0
        return _cost(fault)

    def _cost_among_others(self, fault: Fault) -> int:
        if fault.severity is Severity.ROW:
            self._breaker.answered()
        elif not fault.is_refusal:
            self._breaker.suspect(at_once=fault.severity is Severity.UNREACHABLE)
        if self._breaker.is_suspicious:
            self._window.shrink()
        return _cost(fault)

    async def _is_down(self, fault: Fault, *, sent_at: float) -> bool:
        if fault.retry_after_s is not None:  # it is well, and says when it is to be asked again
            return False
        is_down = await self._breaker.blames_server(sent_at=sent_at)
        if is_down:
            self._window.shrink()
        return is_down


def _cost(fault: Fault) -> int:
    is_about_server = fault.is_refusal or fault.severity is Severity.UNREACHABLE
    return COST_OF_REFUSAL if is_about_server else COST_OF_FAILURE
