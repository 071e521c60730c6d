"""The connection to an OpenAI-compatible server: the one place that uses the `openai` package."""

import asyncio
import ipaddress
import json
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar
from urllib.parse import urlsplit

from capenh_pipeline.domain.replies import one_line
from capenh_pipeline.errors import ConfigurationError
from capenh_pipeline.models.llm_faults import (
    Fault,
    connection_fault,
    status_fault,
    timeout_fault,
    undecodable_fault,
    unsendable_fault,
)
from capenh_pipeline.models.llm_protocol import Completion, read_completion, read_model_names
from capenh_pipeline.models.llm_transport import (
    errors_of_http,
    has_begun_to_answer,
    http_client,
)
from capenh_pipeline.models.server_role import LLM, ServerRole

OPENAI_URL = "https://api.openai.com/v1"

_NO_KEY = "none"  # the openai package wants one, servers without keys ignore it
_SHORTEST_SECRET = 8  # shorter keys are words such as "EMPTY", which local servers are given

T = TypeVar("T")
Send = Callable[[], Awaitable[bytes]]


@dataclass(frozen=True)
class Server:
    """Where a model is asked, and the secret that opens it.

    Raises:
        ConfigurationError: the address is no web address, or the key cannot be a key.
    """

    url: str
    api_key: str | None
    role: ServerRole = LLM

    def __post_init__(self) -> None:
        if not _is_web_address(self.url):
            raise ConfigurationError(
                f"{self.role.url_option} is {self.shown_url!r}; it must look like "
                "http://127.0.0.1:8000/v1."
            )
        if self.api_key is not None and not re.fullmatch(r"[!-~]+", self.api_key):
            raise ConfigurationError(
                "The API key holds spaces or characters that no key has: check "
                f"{self.role.key_variable}."
            )

    def __repr__(self) -> str:
        return f"Server({self.shown_url})"

    @property
    def shown(self) -> str:
        """What it is and where, for people."""
        return f"{self.role.noun} server at {self.shown_url}"

    @property
    def shown_url(self) -> str:
        """The address for people: without password and query."""
        return re.sub(r"^(\w+://)?.*@", r"\1", self.url.partition("?")[0])

    @property
    def has_password(self) -> bool:
        """Whether the address names a user."""
        return "@" in urlsplit(self.url).netloc

    @property
    def is_local(self) -> bool:
        """Whether the server is on this machine and without TLS: no proxy leads there."""
        parts = urlsplit(self.url)
        host = parts.hostname or ""
        try:
            is_loopback = ipaddress.ip_address(host).is_loopback
        except ValueError:
            is_loopback = host == "localhost"
        return is_loopback and parts.scheme == "http"

    def without_key(self, text: str) -> str:
        """Return `text` without the API key, which some servers repeat."""
        if self.api_key is None:
            return text
        key = re.escape(self.api_key)
        if len(self.api_key) < _SHORTEST_SECRET:
            key = rf"(?<!\w){key}(?!\w)"
        return re.sub(key, "***", text)

    def without_secret(self, answer: Any) -> Any:
        """Return a value of JSON without the API key; words such as "EMPTY" are no secret and stay.

        The texts are searched, not the bytes: JSON may write any character as an escape.
        """
        if self.api_key is None or len(self.api_key) < _SHORTEST_SECRET:
            return answer
        if isinstance(answer, str):
            return answer.replace(self.api_key, "***")
        if isinstance(answer, list):
            return [self.without_secret(item) for item in answer]
        if isinstance(answer, dict):
            return {name: self.without_secret(value) for name, value in answer.items()}
        return answer


class LlmClient:
    """Asks a server once, and says what came of it; it never tries again.

    It belongs to one event loop and is closed there. What goes wrong is returned, not raised,
    so that no traceback drags along an error of the `openai` package, whose text may hold the key.
    """

    def __init__(
        self, server: Server, *, timeout_s: float, connections: int, has_aiohttp: bool
    ) -> None:
        import openai

        key = server.api_key or _NO_KEY
        self.server = server
        self._timeout_s = timeout_s
        self._idle_connections = 0
        # aiohttp sends a key or the address's password; httpx lets the password win
        has_aiohttp = has_aiohttp and not server.has_password
        self._errors_of_http = errors_of_http(has_aiohttp=has_aiohttp)
        self._client = openai.AsyncOpenAI(
            api_key=key,
            base_url=server.url,
            # explicit, because OPENAI_CUSTOM_HEADERS may hold another one
            default_headers={"Authorization": f"Bearer {key}"},
            max_retries=0,
            http_client=http_client(
                is_local=server.is_local, connections=connections, has_aiohttp=has_aiohttp
            ),
        )
        self._client.organization = self._client.project = None  # were read from the environment

    async def complete(self, payload: dict[str, Any]) -> Completion | Fault:
        """Ask for a chat completion."""
        # not chat.completions.create, which checks types: a third of the time that a request takes
        post = self._client.post
        return await self._ask(
            lambda: post("/chat/completions", body=payload, cast_to=bytes), read_completion
        )

    async def list_models(self) -> list[str] | Fault:
        """Ask which models the server offers."""
        get = self._client.get
        return await self._ask(lambda: get("/models", cast_to=bytes), read_model_names)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _ask(self, send: Send, read: Callable[[Any], T | None]) -> T | Fault:
        outcome = await self._attempt(send, read)
        if isinstance(outcome, Fault):
            # the key goes first: a cut could leave half of it
            return replace(outcome, words=one_line(self.server.without_key(outcome.words)))
        return outcome

    async def _attempt(self, send: Send, read: Callable[[Any], T | None]) -> T | Fault:
        import openai

        try:
            # in all: the package's own timeout counts from byte to byte, so a drip outlives it
            async with asyncio.timeout(self._timeout_s):
                response = await self._send(send)
        except TimeoutError:
            return timeout_fault(self._timeout_s)
        except openai.APIStatusError as error:
            return status_fault(error, now_s=time.time)
        except (openai.APIConnectionError, *self._errors_of_http) as error:
            return connection_fault(error)
        except UnicodeEncodeError as error:
            return unsendable_fault(error)
        return self._read(response, read)

    async def _send(self, send: Send) -> bytes:
        """Send a request; again, if it went over a connection that the server had just closed.

        Servers close connections that are idle, and may do so while the next request is on its
        way. A connection that is new was not idle, so that this happens once at most.
        """
        import openai

        may_be_stale = self._idle_connections > 0
        self._idle_connections -= may_be_stale
        try:
            response = await send()
        except openai.APIConnectionError as error:
            self._idle_connections = 0
            if not may_be_stale or has_begun_to_answer(error):
                raise
            response = await send()
        self._idle_connections += 1
        return response

    def _read(self, content: bytes, read: Callable[[Any], T | None]) -> T | Fault:
        try:
            answer = read(self.server.without_secret(json.loads(content)))
        except (ValueError, RecursionError):
            answer = None
        return undecodable_fault(content.decode(errors="replace")) if answer is None else answer


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
