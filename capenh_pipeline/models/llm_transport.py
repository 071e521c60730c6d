"""HTTP for the `openai` package: aiohttp where it is installed, else httpx."""

import contextlib
import ssl
from collections.abc import AsyncIterator
from importlib import import_module
from typing import Any

CONNECT_TIMEOUT_S = 5.0
KEEP_ALIVE_S = 4.0
"""Less than servers keep an idle connection (uvicorn 5 s), so that we drop it first."""

MOST_BYTES, MOST_PACKED_BYTES = 4 * 2**20, 64 * 2**10
"""Of an answer. A list of thousands of models takes one MiB; one that is packed, though we ask for
none that is, may unpack to a thousand times as much."""

_ANSWERED = "capenh_answered"


def http_client(*, is_local: bool, connections: int, has_aiohttp: bool) -> Any:
    """Return an HTTP client whose failures `connection_fault` understands.

    Args:
        is_local: the server is on this machine and without TLS: no proxy leads there.
        connections: at most so many, all kept alive.
        has_aiohttp: whether aiohttp is to be used.
    """
    import openai

    limits = type(openai.DEFAULT_CONNECTION_LIMITS)
    options: dict[str, Any] = {
        "headers": {"Accept-Encoding": "identity"},
        "timeout": openai.Timeout(None, connect=CONNECT_TIMEOUT_S),
        "limits": limits(
            max_connections=connections,
            max_keepalive_connections=connections,
            keepalive_expiry=KEEP_ALIVE_S,
        ),
        "event_hooks": {"response": [_note_answer, _bounding(limits.__module__)]},
    }
    if is_local:
        # reading root certificates takes 60 ms, and none is needed without TLS
        options |= {"trust_env": False, "verify": ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)}
    if has_aiohttp:
        with contextlib.suppress(RuntimeError):  # too old a version
            return openai.DefaultAioHttpClient(**options)
    return openai.DefaultAsyncHttpxClient(**options)


def errors_of_http(*, has_aiohttp: bool) -> tuple[type[Exception], ...]:
    """Return the errors of the HTTP client that `openai` lets through as they are."""
    if not has_aiohttp:
        return ()
    import aiohttp

    return (aiohttp.ClientError,)


def has_begun_to_answer(error: Any) -> bool:
    """Return whether a response had begun when a request failed.

    Args:
        error: openai's `APIConnectionError`.
    """
    return _ANSWERED in error.request.extensions


async def _note_answer(response: Any) -> None:
    response.request.extensions[_ANSWERED] = True


def _bounding(client_module: str) -> Any:
    """Return a hook after which no more of a response is read than is good for us.

    Args:
        client_module: of the HTTP client, httpx or httpx2, as `openai` likes.
    """
    http: Any = import_module(client_module.partition(".")[0])

    class Bounded(http.AsyncByteStream):
        def __init__(self, stream: Any, most_bytes: int) -> None:
            self._stream = stream
            self._most_bytes = most_bytes

        async def __aiter__(self) -> AsyncIterator[bytes]:
            left = self._most_bytes
            async for part in self._stream:
                left -= len(part)
                if left < 0:
                    raise http.ReadError(f"the answer is longer than {self._most_bytes} bytes")
                yield part

        async def aclose(self) -> None:
            await self._stream.aclose()

    async def bound(response: Any) -> None:
        is_packed = response.headers.get("content-encoding", "identity") != "identity"
        response.stream = Bounded(response.stream, MOST_PACKED_BYTES if is_packed else MOST_BYTES)
        response.encoding = "utf-8"  # what is JSON is; a charset that is no text is no words

    return bound
