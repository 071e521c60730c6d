"""One server of a run: a request is sent when it may go, and what came of it is said."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from capenh_pipeline.errors import ServerError
from capenh_pipeline.models.llm_breaker import Inquiry, WellAt
from capenh_pipeline.models.llm_client import LlmClient
from capenh_pipeline.models.llm_complaints import outage_complaint, run_complaint
from capenh_pipeline.models.llm_endpoint import Endpoint, Knowledge
from capenh_pipeline.models.llm_faults import NOT_FOUND, Fault, Severity
from capenh_pipeline.models.llm_protocol import Completion, LlmSettings
from capenh_pipeline.models.llm_rate import RateLimit
from capenh_pipeline.models.llm_surroundings import Surroundings
from capenh_pipeline.models.llm_talk import Talk


@dataclass(frozen=True)
class Asking:
    """How the servers of a run are asked.

    Attributes:
        settings: what requests are like, and how long they may take.
        model: name on the servers.
        harmless: begins a talk that tells whether a server is well.
        surroundings: clock, sleep and chance.
    """

    settings: LlmSettings
    model: str
    harmless: Callable[[], Talk[Any]]
    surroundings: Surroundings


class Channel:
    """The way to one server.

    Args:
        client: of the server.
        asking: how it is asked.
        knowledge: what is known of it; it grows.
        others_well_at: see `Inquiry`; None where rows can go nowhere else.

    Attributes:
        server: where it is.
        knowledge: as it was given.
        endpoint: decides when a request may go.
        outstanding: requests that were given to it and are not done.
    """

    def __init__(
        self,
        client: LlmClient,
        asking: Asking,
        *,
        knowledge: Knowledge,
        others_well_at: WellAt | None = None,
    ) -> None:
        self.server = client.server
        self.knowledge = knowledge
        self.outstanding = 0
        self._client = client
        self._asking = asking
        self._rate = RateLimit(client.server.shown_url.rstrip("/"), asking.settings)
        self.endpoint = Endpoint(
            client.server.shown,
            asking.settings,
            asking.surroundings,
            knowledge=knowledge,
            inquiry=Inquiry(self._probe, self._complaint_of_outage, others_well_at),
        )

    async def send(self, talk: Talk[Any]) -> tuple[float, Completion | Fault] | None:
        """Send one request when it may go; return when it went, and what came of it.

        None is returned where it is better sent to another server: it was not sent.

        Raises:
            ServerError: the run is over.
        """
        self.outstanding += 1
        try:
            return await self._send(talk)
        finally:
            self.outstanding -= 1

    async def complaint(self, fault: Fault) -> ServerError:
        """Return the error for a fault that no other request would escape."""
        offered = await self._client.list_models() if fault.kind == NOT_FOUND else None
        return run_complaint(
            fault,
            self.server,
            model=self._asking.model,
            offered=offered if isinstance(offered, list) else None,
        )

    async def _send(self, talk: Talk[Any]) -> tuple[float, Completion | Fault] | None:
        estimate = self._rate.estimate(talk.messages)
        reserve = self._rate.wait
        sent_at = await self.endpoint.enter(
            lambda: reserve(estimate, self._asking.surroundings.sleep)
        )
        if sent_at is None:
            return None
        try:
            outcome = await self._complete(talk, talk.parameters)
        finally:
            self.endpoint.leave()
        if isinstance(outcome, Completion):
            self.endpoint.answered()
            self._rate.correct(estimate, outcome)
        return sent_at, outcome

    async def _complete(self, talk: Talk[Any], parameters: Mapping[str, Any]) -> Completion | Fault:
        """Send one request, again where it only finds out which parameters the model takes."""
        settings = replace(self._asking.settings, **parameters)
        while True:
            dialect = self.knowledge.dialect
            payload = dialect.payload(settings, model=self._asking.model, messages=talk.messages)
            outcome = await self._client.complete(payload)
            fault = outcome if isinstance(outcome, Fault) else None
            self.knowledge.was_reached |= fault is None or fault.is_of_a_server
            if fault is None or not self.knowledge.learn(fault, dialect):
                return outcome

    async def _probe(self) -> Fault | None:
        outcome = await self._complete(self._asking.harmless(), {"max_tokens": 1})
        is_up = isinstance(outcome, Completion) or outcome.severity is Severity.ROW
        return None if is_up else outcome

    async def _complaint_of_outage(self, fault: Fault) -> ServerError:
        if fault.severity is Severity.FATAL:
            return await self.complaint(fault)
        return outage_complaint(fault, self.server, patience_s=self._asking.settings.patience_s)
