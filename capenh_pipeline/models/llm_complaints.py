"""What people are told when a server cannot be asked: what happened, where, what to do."""

from collections.abc import Sequence

from capenh_pipeline.errors import ConfigurationError, OutageError, ServerError
from capenh_pipeline.models.llm_client import Server
from capenh_pipeline.models.llm_faults import NO_QUOTA, NOT_FOUND, UNAUTHORIZED, Fault, Severity
from capenh_pipeline.models.server_role import ServerRole

_MOST_NAMES = 10


def row_complaint(fault: Fault, server: Server, *, attempts: int) -> str:
    """Return why a row has no caption."""
    tries = f" in each of {attempts} tries" if attempts > 1 else ""
    answer = f"answered {fault.status}" if fault.status else "failed"
    return f"The {server.shown} {answer}{tries}: {fault.words}"


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
    where, role = f"The {server.shown}", server.role
    words = f"{fault.status}: {fault.words}" if fault.status else fault.words
    if fault.kind == UNAUTHORIZED:
        problem = "refuses the API key" if server.api_key else "wants an API key"
        return ServerError(
            f"{where} {problem} ({words}): set {role.key_variable} to one it accepts."
        )
    if fault.kind == NO_QUOTA:
        return ServerError(
            f"{where} says that the account has no quota left ({words}): add to it, or name "
            f"another server with {role.url_option}."
        )
    if fault.kind == NOT_FOUND:
        return ServerError(f"{where} {_not_found(words, role, model, offered)}")
    if fault.severity is Severity.FOREIGN:
        return ServerError(
            f"What answers at {server.shown_url} is no {role.noun} server ({fault.words}): check "
            f"{role.url_option}, which usually ends in /v1."
        )
    return OutageError(
        f"No {role.noun} server answers at {server.shown_url} ({fault.words}): start it or set "
        f"{role.url_option}."
    )


def outage_complaint(fault: Fault, server: Server, *, patience_s: float) -> OutageError:
    """Return the error for a server that answered before and was down for too long."""
    return OutageError(
        f"No {server.role.noun} server answers at {server.shown_url} any more ({fault.words}), for "
        f"{patience_s:g} s now: start it again and run again; what is finished is kept."
    )


def streak_complaint(error: str, *, rows: int) -> OutageError:
    """Return the error for rows that failed one after another though no fault is theirs.

    Args:
        error: of the last one.
        rows: how many.
    """
    return OutageError(f"{rows} rows in a row have failed; the run stops. The last: {error}")


def rejection_complaint(error: str, *, rows: int) -> ServerError:
    """Return the error for a server that rejects every row: it is not the rows that are wrong.

    Args:
        error: of the last one.
        rows: how many there were.
    """
    return ServerError(f"The first {rows} rows were all rejected; the run stops. The last: {error}")


def model_complaint(server: Server, offered: Sequence[str] | None) -> ConfigurationError:
    """Return the error for a server that does not have exactly one model to choose."""
    if offered is None:
        problem = "does not say which models it has"
    elif not offered:
        problem = "lists no model"
    else:
        problem = f"offers several models ({shown_names(offered)})"
    return ConfigurationError(
        f"The {server.shown} {problem}: name one with {server.role.model_option}."
    )


def shown_names(names: Sequence[str]) -> str:
    """Return `names` for a sentence; of many, the first ones."""
    shown = ", ".join(names[:_MOST_NAMES])
    return shown if len(names) <= _MOST_NAMES else f"{shown} and {len(names) - _MOST_NAMES} more"


def _not_found(
    words: str, role: ServerRole, model: str | None, offered: Sequence[str] | None
) -> str:
    if offered and model not in offered:
        return (
            f"does not know the model {model!r} ({words}); it offers {shown_names(offered)}: "
            f"name one of them with {role.model_option}."
        )
    return (
        f"has no model {model!r}, or nothing to ask at this address ({words}): check "
        f"{role.model_option}, and {role.url_option}, which usually ends in /v1."
    )
