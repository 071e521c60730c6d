"""A port for the UI: the one that was asked for, or one that is free."""

import errno
import socket

from capenh_pipeline.errors import ConfigurationError

LOOPBACK = "127.0.0.1"
USUAL = 3000


def free_port(asked: str | None) -> int:
    """Return the port that was asked for, else Dagster's usual one, or a free one if it is taken.

    Raises:
        ConfigurationError: the port that was asked for is none, or cannot be had.
    """
    if asked is None:
        return USUAL if _fault(USUAL) is None else _any_free()
    if not (asked.isascii() and asked.isdigit() and 0 < int(asked) < 65536):
        raise ConfigurationError(f"--port is {asked!r}; it must be a number from 1 to 65535.")
    fault = _fault(int(asked))
    if fault is not None:
        reason = "is taken" if fault.errno == errno.EADDRINUSE else f"fails ({fault.strerror})"
        raise ConfigurationError(f"Port {asked} of {LOOPBACK} {reason}; name another --port.")
    return int(asked)


def _fault(port: int) -> OSError | None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the web server has it
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            return error
    return None


def _any_free() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return probe.getsockname()[1]
