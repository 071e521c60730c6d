"""What can go wrong with one request to an LLM, sorted by what is to be done about it."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import Any

UNAUTHORIZED = "unauthorized"
NO_QUOTA = "no_quota"
NOT_FOUND = "not_found"
RATE_LIMITED = "rate_limited"


class Severity(Enum):
    """What a fault means for the row and for the run."""

    TRANSIENT = "try again; if it lasts, the row fails"
    ROW = "the row fails: the same request would fail again"
    UNREACHABLE = "try again; if it lasts, the run stops"
    FOREIGN = "as unreachable, though something answers"
    FATAL = "the run stops: no request can succeed"


@dataclass(frozen=True)
class Fault:
    """Why a request has no answer.

    Attributes:
        severity: what is to be done.
        kind: the row's `error_kind`, should it fail.
        words: what the server or the network said; `LlmClient` cuts them and drops the API key.
        status: of the HTTP response, None if there was none.
        retry_after_s: seconds that the server asks to wait.
        refused_parameter: one of `_PARAMETERS`, if the model does not take it.
    """

    severity: Severity
    kind: str
    words: str
    status: int | None = None
    retry_after_s: float | None = None
    refused_parameter: str | None = None

    @property
    def is_refusal(self) -> bool:
        """Whether the server is well and only says "not now"."""
        return self.kind == RATE_LIMITED or self.retry_after_s is not None

    @property
    def is_of_a_server(self) -> bool:
        """Whether a server of this protocol may be behind it."""
        return self.severity not in (Severity.UNREACHABLE, Severity.FOREIGN)


_BY_STATUS = {
    401: (Severity.FATAL, UNAUTHORIZED),
    402: (Severity.FATAL, NO_QUOTA),
    403: (Severity.FATAL, UNAUTHORIZED),
    404: (Severity.FATAL, NOT_FOUND),
    405: (Severity.FATAL, NOT_FOUND),
    408: (Severity.TRANSIENT, "timeout"),
    409: (Severity.TRANSIENT, "server_error"),
    425: (Severity.TRANSIENT, "server_error"),
    429: (Severity.TRANSIENT, RATE_LIMITED),
}
_NO_CONNECTION = {  # by name: httpx or httpx2, as openai likes, and aiohttp, if it is there
    "ConnectError",
    "ConnectTimeout",
    "ClientConnectorError",
    "ConnectionTimeoutError",
}
_HTML_TAG = re.compile(r"<[^>]*>")
_NO_MODEL = re.compile(r"server is pinned to|unknown model|no such model", re.IGNORECASE)
"""What servers say with status 400 of a model that they do not have (`transformers serve`)."""

_PARAMETERS = ("temperature", "max_tokens", "frequency_penalty")
_REFUSED_CODES = {"unsupported_parameter", "unsupported_value"}
_REFUSED_WORDS = re.compile(
    r"unsupported|not support(?!s)|unexpected|unrecognized|not permitted|deprecated", re.IGNORECASE
)


def timeout_fault(timeout_s: float) -> Fault:
    """Return the fault of an answer that was not complete in time."""
    return Fault(Severity.TRANSIENT, "timeout", f"no complete answer within {timeout_s:g} s")


def undecodable_fault(body: str) -> Fault:
    """Return the fault of an answer that is not what the protocol says.

    One that is not even a JSON object is most likely from something that is no LLM server.
    """
    words = f"not a valid answer: {body}"
    if body.lstrip().startswith("{"):
        return Fault(Severity.TRANSIENT, "server_error", words)
    return Fault(Severity.FOREIGN, "server_error", words)


def unsendable_fault(error: UnicodeEncodeError) -> Fault:
    """Return the fault of a request that UTF-8 cannot hold."""
    return Fault(Severity.ROW, "rejected", f"the captions cannot be sent: {error.reason}")


def connection_fault(error: BaseException) -> Fault:
    """Return the fault of a request that got no HTTP response.

    Args:
        error: openai's `APIConnectionError`, caused by the HTTP client's own; or that itself.
    """
    is_unreachable = not _NO_CONNECTION.isdisjoint(_names_of(error))
    severity = Severity.UNREACHABLE if is_unreachable else Severity.TRANSIENT
    return Fault(severity, "server_error", _first_cause(error))


def status_fault(error: Any, *, now_s: Callable[[], float]) -> Fault:
    """Return the fault of a request that was answered with an HTTP error.

    Args:
        error: openai's `APIStatusError`.
        now_s: the clock, in seconds since 1970; a `Retry-After` may be a date.
    """
    words = _server_words(error)
    severity, kind = _meaning(error, words)
    return Fault(
        severity,
        kind,
        words,
        status=error.status_code,
        retry_after_s=_retry_after_s(error.response.headers, now_s=now_s),
        refused_parameter=_refused_parameter(error, words),
    )


def _meaning(error: Any, words: str) -> tuple[Severity, str]:
    if "insufficient_quota" in (error.code, error.type):
        return _BY_STATUS[402]
    if error.status_code == 400 and (error.code == "model_not_found" or _NO_MODEL.search(words)):
        return _BY_STATUS[404]
    is_rejected = 400 <= error.status_code < 500
    default = (Severity.ROW, "rejected") if is_rejected else (Severity.TRANSIENT, "server_error")
    return _BY_STATUS.get(error.status_code, default)


def _server_words(error: Any) -> str:
    body = error.body if error.body is not None else error.response.text
    if isinstance(body, dict):
        body = body.get("message") or body.get("detail") or body
    elif isinstance(body, str):
        body = _HTML_TAG.sub(" ", body)
    return str(body).strip() or error.response.reason_phrase


def _refused_parameter(error: Any, words: str) -> str | None:
    if error.status_code not in (400, 422):
        return None
    if error.code not in _REFUSED_CODES and not _REFUSED_WORDS.search(words):
        return None
    named = (
        name for name in _PARAMETERS if name == error.param or re.search(rf"\b{name}\b", words)
    )
    return next(named, None)


def _retry_after_s(headers: Any, *, now_s: Callable[[], float]) -> float | None:
    """Return the pause that a server asks for (RFC 9110, 10.2.3: seconds, or a date)."""
    value = headers.get("retry-after")
    if value is None:
        return None
    if re.fullmatch(r"\s*\d+(\.\d*)?\s*", value, re.ASCII):
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - now_s())
    except (ValueError, OverflowError):
        return None


def _first_cause(error: BaseException) -> str:
    """Return the words of the error at the root; those above it only say "Connection error"."""
    causes = [str(error)]
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
        causes.append(str(error))
    return next((words for words in reversed(causes) if words), "")


def _names_of(error: BaseException) -> set[str]:
    """Return the names of the HTTP client's error and of what it is derived from.

    Of aiohttp's errors openai makes httpx's, of all that have to do with connections the same one.
    """
    raised = error.__cause__ or error
    origin = raised.__cause__
    if type(origin).__module__.startswith("aiohttp"):
        raised = origin
    return {kind.__name__ for kind in type(raised).__mro__}
