"""A VLM behind one or more servers that speak the OpenAI chat protocol and take images."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from PIL import Image

from capenh_pipeline.models.image_talk import ImageReply, ImageRequest, ImageTalk
from capenh_pipeline.models.image_urls import PixelBudget, data_url
from capenh_pipeline.models.llm import deliver, unless_empty
from capenh_pipeline.models.llm_channel import Asking, Channel
from capenh_pipeline.models.llm_client import OPENAI_URL, LlmClient, Server
from capenh_pipeline.models.llm_complaints import model_complaint, run_complaint
from capenh_pipeline.models.llm_endpoint import Knowledge
from capenh_pipeline.models.llm_faults import UNAUTHORIZED, Fault, Severity
from capenh_pipeline.models.llm_loop import EventLoopThread, Flight
from capenh_pipeline.models.llm_pool import Pool
from capenh_pipeline.models.llm_protocol import LlmSettings
from capenh_pipeline.models.llm_session import LlmSession
from capenh_pipeline.models.llm_surroundings import REAL, Surroundings
from capenh_pipeline.models.server_keys import is_same_server, vlm_key
from capenh_pipeline.models.server_role import VLM

HOPELESS_IMAGES = 20
"""So many images are rejected before any is captioned: then it is the model that takes none."""

_PROBE_PX = (64, 64)


@dataclass(frozen=True)
class ServedVlmSettings:
    """How a served VLM is asked.

    Attributes:
        servers: addresses, as `http://127.0.0.1:8000/v1`; each serves the model.
        model: name on the servers; None is the only model that they list.
        prompts: what it will be asked.
        system_prompt: text that it reads before the prompt.
        budget: pixels of an image.
        requests: the limits of requests; `concurrency` is that of each server.
    """

    servers: tuple[str, ...]
    model: str | None
    prompts: tuple[str, ...]
    system_prompt: str | None
    budget: PixelBudget
    requests: LlmSettings


class ServedVlm:
    """Captions images with a model that is served elsewhere.

    Args:
        settings: how it is asked.
        environment: has the API key, see `vlm_key`.
        llm_url: address of the LLM server, None is OpenAI's. Its key and its limits a minute are
            not for others.
        surroundings: clock, sleep, chance, and which HTTP client there is.

    Attributes:
        model: the name that the servers are asked for; None until a list was read, where
            `settings` name none.

    Raises:
        ConfigurationError: a key cannot be one.
    """

    def __init__(
        self,
        settings: ServedVlmSettings,
        environment: Mapping[str, str],
        *,
        llm_url: str | None,
        surroundings: Surroundings = REAL,
    ) -> None:
        self._settings = settings
        self._llm_url = llm_url or OPENAI_URL
        self._around = surroundings
        self._servers = [
            Server(url, vlm_key(url, environment, llm_url=llm_url), VLM) for url in settings.servers
        ]
        self.model = settings.model

    def caption(self, requests: Iterable[ImageRequest], emit: Callable[[ImageReply], None]) -> None:
        """Ask for every request, and hand each reply to `emit` as soon as it is there.

        Without a request nothing is sent. At most twice as many images are held as may be in
        flight. `emit` and `requests` run in the caller's thread.

        Raises:
            ServerError: no request can succeed. What is ready by then is emitted first.
            ConfigurationError: no model is named, and the servers list none or several.
        """
        if not (asked := unless_empty(requests)):
            return
        with EventLoopThread() as loop:
            clients = [self._connect(server, loop) for server in self._servers]
            model = self.model = self.model or self._only_model(clients, loop)
            session = self._converse(clients, model)
            limit = self._settings.requests.concurrency * len(clients)
            flight = Flight(loop, lambda one: session.converse(self._talk(one)), limit=limit)
            deliver(flight, asked, emit)

    def _connect(self, server: Server, loop: EventLoopThread) -> LlmClient:
        client = LlmClient(
            server,
            timeout_s=self._settings.requests.timeout_s,
            connections=self._settings.requests.concurrency + 1,  # one more for the probe
            has_aiohttp=self._around.has_aiohttp,
        )
        loop.on_close(client.close)
        return client

    def _converse(self, clients: list[LlmClient], model: str) -> LlmSession:
        requests = replace(self._settings.requests, llm_attempts=2)
        unlimited = replace(requests, requests_per_minute=None, tokens_per_minute=None)

        def channel(client: LlmClient) -> Callable[..., Channel]:
            is_limited = is_same_server(client.server.url, self._llm_url)
            limits = requests if is_limited else unlimited
            asking = Asking(limits, model, self._harmless, self._around)
            return partial(Channel, client, asking, knowledge=Knowledge())

        channels = [channel(client) for client in clients]
        return LlmSession(
            Pool(channels, clock=self._around.clock),
            requests,
            self._around,
            most_rejected=HOPELESS_IMAGES,
        )

    def _talk(self, request: ImageRequest) -> ImageTalk:
        return ImageTalk(
            request,
            system_prompt=self._settings.system_prompt,
            max_tokens=self._settings.requests.max_tokens,
        )

    def _harmless(self) -> ImageTalk:
        """Begin the talk that tells whether a server is well."""
        plain = data_url(Image.new("RGB", _PROBE_PX, "gray"))
        return self._talk(ImageRequest(None, plain, self._settings.prompts[0], lambda _: None))

    def _only_model(self, clients: list[LlmClient], loop: EventLoopThread) -> str:
        """Return the only model of the first server that answers."""
        fault: Fault | None = None
        for client in clients:
            offered = loop.run(client.list_models())
            if not isinstance(offered, Fault):
                if len(offered) == 1:
                    return offered[0]
                raise model_complaint(client.server, offered)
            fault = fault or offered
        server = clients[0].server
        if fault and (fault.severity is Severity.UNREACHABLE or fault.kind == UNAUTHORIZED):
            raise run_complaint(fault, server, model=None, offered=None)
        raise model_complaint(server, None)
