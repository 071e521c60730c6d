"""What people are told when an LLM server cannot be asked: what happened, where, what to do."""

from collections.abc import Sequence

from capenh_pipeline.errors import ConfigurationError, OutageError, ServerError
from capenh_pipeline.models.llm_client import Server
from capenh_pipeline.models.llm_faults import NO_QUOTA, NOT_FOUND, UNAUTHORIZED, Fault, Severity

_MOST_NAMES = 10


def row_complaint(fault: Fault, server: Server, *, attempts: int) -> str:
    """Return why a row has no caption."""
    tries = f" in each of {attempts} tries" if attempts > 1 else ""
    answer = f"answered {fault.status}" if fault.status else "failed"
    return f"The LLM server at {server.shown_url} {answer}{tries}: {fault.words}"


def run_complaint(
    fault: Fault, server: Server, *, model: str | None, offered: Sequence[str] | None
) -> ServerError:
    """Return the error for a fault that no other request would escape.

    Args:
        fault: a fatal one, or a server that cannot be reached.
        server: that was asked.
        model: that was asked for.
        offered: models that the server lists; None if it does not say.
    """
    where = f"The LLM server at {server.shown_url}"
    words = f"{fault.status}: {fault.words}" if fault.status else fault.words
    if fault.kind == UNAUTHORIZED:
        problem = "refuses the API key" if server.api_key else "wants an API key"
        return ServerError(f"{where} {problem} ({words}): set OPENAI_API_KEY to one it accepts.")
    if fault.kind == NO_QUOTA:
        return ServerError(
            f"{where} says that the account has no quota left ({words}): add to it, or name "
            "another server with --base_url."
        )
    if fault.kind == NOT_FOUND:
        return ServerError(f"{where} {_not_found(words, model, offered)}")
    if fault.severity is Severity.FOREIGN:
        return ServerError(
            f"What answers at {server.shown_url} is no LLM server ({fault.words}): check "
            "--base_url, which usually ends in /v1."
        )
    return OutageError(
        f"No LLM server answers at {server.shown_url} ({fault.words}): start it or set --base_url."
    )


def outage_complaint(fault: Fault, server: Server, *, patience_s: float) -> OutageError:
    """Return the error for a server that answered before and was down for too long."""
    return OutageError(
        f"No LLM server answers at {server.shown_url} any more ({fault.words}), for {patience_s:g}"
        " s now: start it again and run again; what is finished is kept."
    )


def streak_complaint(error: str, *, rows: int) -> OutageError:
    """Return the error for rows that failed one after another though no fault is theirs.

    Args:
        error: of the last one.
        rows: how many.
    """
    return OutageError(f"{rows} rows in a row have failed; the run stops. The last: {error}")


def model_complaint(server: Server, offered: Sequence[str] | None) -> ConfigurationError:
    """Return the error for a server that does not have exactly one model to choose."""
    if offered is None:
        problem = "does not say which models it has"
    elif not offered:
        problem = "lists no model"
    else:
        problem = f"offers several models ({shown_names(offered)})"
    return ConfigurationError(
        f"The LLM server at {server.shown_url} {problem}: name one with --model."
    )


def shown_names(names: Sequence[str]) -> str:
    """Return `names` for a sentence; of many, the first ones."""
    shown = ", ".join(names[:_MOST_NAMES])
    return shown if len(names) <= _MOST_NAMES else f"{shown} and {len(names) - _MOST_NAMES} more"


def _not_found(words: str, model: str | None, offered: Sequence[str] | None) -> str:
    if offered and model not in offered:
        return (
            f"does not know the model {model!r} ({words}); it offers {shown_names(offered)}: "
            "name one of them with --model."
        )
    return (
        f"has no model {model!r}, or nothing to ask at this address ({words}): check --model, and "
        "--base_url, which usually ends in /v1."
    )
