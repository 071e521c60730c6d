"""HTTP for the `openai` package: aiohttp where it is installed, else httpx."""

import contextlib
import ssl
from typing import Any

CONNECT_TIMEOUT_S = 5.0
KEEP_ALIVE_S = 4.0
"""Less than servers keep an idle connection (uvicorn 5 s), so that we drop it first."""

_ANSWERED = "capenh_answered"


def http_client(*, is_local: bool, connections: int, has_aiohttp: bool) -> Any:
    """Return an HTTP client whose failures `connection_fault` understands.

    Args:
        is_local: the server is on this machine and without TLS: no proxy leads there.
        connections: at most so many, all kept alive.
        has_aiohttp: whether aiohttp is to be used.
    """
    import openai

    options: dict[str, Any] = {
        "timeout": openai.Timeout(None, connect=CONNECT_TIMEOUT_S),
        "limits": type(openai.DEFAULT_CONNECTION_LIMITS)(
            max_connections=connections,
            max_keepalive_connections=connections,
            keepalive_expiry=KEEP_ALIVE_S,
        ),
        "event_hooks": {"response": [_note_answer]},
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
