"""An LLM behind any server that speaks the OpenAI chat protocol."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import TypeVar

from capenh_pipeline.errors import ConfigurationError
from capenh_pipeline.models.base import MergeReply, MergeRequest
from capenh_pipeline.models.llm_channel import Asking, Channel
from capenh_pipeline.models.llm_client import OPENAI_URL, LlmClient, Server
from capenh_pipeline.models.llm_complaints import model_complaint, run_complaint
from capenh_pipeline.models.llm_endpoint import Knowledge
from capenh_pipeline.models.llm_faults import UNAUTHORIZED, Fault, Severity
from capenh_pipeline.models.llm_loop import EventLoopThread, Flight
from capenh_pipeline.models.llm_pool import Pool
from capenh_pipeline.models.llm_protocol import LlmSettings
from capenh_pipeline.models.llm_row import RowTalk
from capenh_pipeline.models.llm_session import QUESTION, LlmSession
from capenh_pipeline.models.llm_surroundings import REAL, Surroundings

CHECK_TIMEOUT_S = 10.0

Emit = Callable[[MergeReply], None]
T = TypeVar("T")
R = TypeVar("R")


class OpenAiLanguageModel:
    """Merges captions with an OpenAI-compatible server; see `LanguageModel`.

    Replies are emitted on the thread that calls `merge`, in the order in which they arrive. At
    most twice `settings.concurrency` requests are pulled ahead of what was emitted.

    Args:
        settings: how the LLM is asked.
        api_key: secret of the server, or None; it stands in no message and no `repr`.
        surroundings: clock, sleep, chance, and which HTTP client there is.

    Attributes:
        effective_model: the name that the server is asked for; None until its list was read, where
            `settings` name none.

    Raises:
        ConfigurationError: the address is no web address, the key cannot be a key, or neither
            is there.
    """

    def __init__(
        self,
        settings: LlmSettings,
        *,
        api_key: str | None = None,
        surroundings: Surroundings = REAL,
    ) -> None:
        key = (api_key or "").strip() or None
        if settings.base_url is None and key is None:
            raise ConfigurationError("No LLM server is named: set --base_url or OPENAI_API_KEY.")
        self._settings = settings
        self._around = surroundings
        url = OPENAI_URL if settings.base_url is None else settings.base_url
        self._server = Server(url, key)
        self._knowledge = Knowledge()
        self.effective_model = settings.model

    def check(self) -> None:
        """Ask for the model list; only what is certain is an error.

        Many servers have no list, or a list that leaves out what they serve.

        Raises:
            ServerError: the server cannot be reached, refuses the key or does not know the model.
            ConfigurationError: no model is named, and the server lists none or several.
        """
        with EventLoopThread() as loop:
            offered = loop.run(self._connect(loop, timeout_s=CHECK_TIMEOUT_S).list_models())
            if isinstance(offered, Fault):
                self._raise_if_certain(offered)
            elif self.effective_model is None:
                self.effective_model = self._only_model(offered)
            elif not {self.effective_model, f"{self.effective_model}:latest"} & {*offered}:
                self._raise_if_unknown(self.effective_model, loop)

    def _raise_if_unknown(self, model: str, loop: EventLoopThread) -> None:
        """Ask a model that the server does not list for one token, which decides the matter."""
        client = self._connect(loop, timeout_s=self._settings.timeout_s)
        settings = replace(self._settings, max_tokens=1, max_attempts=1, llm_attempts=1)
        session = self._converse(client, settings, model)
        loop.run(session.answer(QUESTION))

    def merge(self, requests: Iterable[MergeRequest], emit: Emit) -> None:
        """Ask for every request; without one, nothing is sent and `openai` is not imported.

        Raises:
            ServerError: no request can succeed. What is ready by then is emitted first.
            ConfigurationError: no model is named, and the server lists none or several.
        """
        if asked := unless_empty(requests):
            with EventLoopThread() as loop:
                self._merge_all(asked, emit, loop)

    def _merge_all(
        self, requests: Iterable[MergeRequest], emit: Emit, loop: EventLoopThread
    ) -> None:
        client = self._connect(loop, timeout_s=self._settings.timeout_s)
        if self.effective_model is None:
            self.effective_model = self._find_only_model(client, loop)
        session = self._converse(client, self._settings, self.effective_model)
        flight = Flight(loop, session.answer, limit=self._settings.concurrency)
        deliver(flight, requests, emit)

    def _converse(self, client: LlmClient, settings: LlmSettings, model: str) -> LlmSession:
        asking = Asking(settings, model, lambda: RowTalk(QUESTION), self._around)
        channel = partial(Channel, client, asking, knowledge=self._knowledge)
        return LlmSession(Pool([channel], clock=self._around.clock), settings, self._around)

    def _connect(self, loop: EventLoopThread, *, timeout_s: float) -> LlmClient:
        client = LlmClient(
            self._server,
            timeout_s=timeout_s,
            connections=self._settings.concurrency + 1,  # one more for the probe
            has_aiohttp=self._around.has_aiohttp,
        )
        loop.on_close(client.close)
        return client

    def _find_only_model(self, client: LlmClient, loop: EventLoopThread) -> str:
        offered = loop.run(client.list_models())
        if isinstance(offered, Fault):
            self._raise_if_certain(offered)
            raise model_complaint(self._server, None)
        return self._only_model(offered)

    def _only_model(self, offered: list[str]) -> str:
        if len(offered) != 1:
            raise model_complaint(self._server, offered)
        return offered[0]

    def _raise_if_certain(self, fault: Fault) -> None:
        if fault.severity is Severity.UNREACHABLE or fault.kind == UNAUTHORIZED:
            raise run_complaint(fault, self._server, model=self.effective_model, offered=None)


def unless_empty(items: Iterable[T]) -> Iterable[T] | None:
    """Return the items, or None if there are none; only the first one is taken for that."""
    remaining = iter(items)
    for first in remaining:
        return chain([first], remaining)
    return None


def deliver(flight: Flight[T, R], items: Iterable[T], emit: Callable[[R], None]) -> None:
    """Have every item worked on, and emit the replies as they get ready.

    However this ends, also by Ctrl-C, what is ready by then is emitted first; the reply that was
    just being emitted may be so twice.
    """
    try:
        for item in items:
            flight.add(item)
            while flight.is_due:
                flight.hand_over(emit)
        while not flight.is_empty:
            flight.hand_over(emit)
    except BaseException:
        flight.hand_over_rest(emit)
        raise
