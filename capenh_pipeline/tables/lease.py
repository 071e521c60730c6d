"""Who is at work on a store in object storage, where there are no locks: a lease.

It is an object that says who holds the store. Whoever creates it holds the store, and writes it
anew every few seconds. One that has not been written for `EXPIRES_S` is of a process that was
killed, and may be taken by who replaces that very version. Ages are told by the server's clock.

A process that hangs for longer than that loses its lease unnoticed until it goes on. Then two are
at work, as with two runs that Dagster starts: parts have names of their own and are never changed,
so the rows stay right, and at worst something is computed twice.
"""

import json
import logging
import os
import socket
import threading
import uuid
from collections.abc import Generator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any

from capenh_pipeline.errors import StoreBusyError, StoreError
from capenh_pipeline.places.conditions import heeds_conditions, written
from capenh_pipeline.places.object_place import ObjectPlace, ObjectState

LEASE = "run.lease"
EXPIRES_S = 45.0
_RENEW_S = 10.0
_PROBE = "run.probe"

_logger = logging.getLogger(__name__)


@contextmanager
def leased(
    root: ObjectPlace, *, renew_s: float = _RENEW_S, expires_s: float = EXPIRES_S
) -> Generator[None]:
    """Hold a store meanwhile.

    Args:
        root: the store's.
        renew_s: how often the lease is written anew.
        expires_s: how old the lease of another process is that is no longer alive.

    Raises:
        OSError: object storage does not answer, or does not let us write.
        StoreBusyError: another process holds it; the message says which.
        StoreError: the server ignores conditions, so nobody can hold anything.
    """
    require_conditions(root)
    lease = _Lease(root / LEASE, expires_s)
    lease.take()
    ended = threading.Event()

    def renew() -> None:
        while not ended.wait(renew_s) and lease.renew():
            pass

    renewer = threading.Thread(target=renew, name="lease", daemon=True)
    renewer.start()
    try:
        yield
    finally:
        ended.set()
        renewer.join()
        lease.release()


def is_leased(root: ObjectPlace) -> bool:
    """Return whether a process is at work on the store; where nobody can write, none is."""
    try:
        found = _read(root / LEASE)
        return found is not None and not _is_expired(root, found[1], EXPIRES_S)
    except OSError:
        return False


def require_conditions(root: ObjectPlace) -> None:
    """Make sure that the server lets only one of two writers create or replace an object.

    Raises:
        OSError: object storage does not answer, or does not let us write.
        StoreError: it does not.
    """
    if not heeds_conditions(root):
        raise StoreError(
            f"The server of {root} ignores the conditions of conditional writes (If-None-Match, "
            "If-Match), so it cannot keep two writers apart; use one that heeds them, or a --store "
            "on a disk."
        )


class _Lease:
    """The lease of this process.

    Its text is another one each time that it is written: a version may be a hash of the content.
    """

    def __init__(self, place: ObjectPlace, expires_s: float) -> None:
        self._place = place
        self._expires_s = expires_s
        self._holder = uuid.uuid4().hex
        self._since = datetime.now(UTC).isoformat(sep=" ", timespec="seconds")
        self._count = 0

    def take(self) -> None:
        content = self._next()
        while not self._place.create(content):
            found = _read(self._place)
            if found is None:  # it was let go just now
                continue
            if _is_expired(self._place.parent, found[1], self._expires_s) and self._place.swap(
                content, version=found[1].version
            ):
                return
            raise StoreBusyError(
                f"Another run is at work on the store {self._place.parent}{described(found[0])}; "
                f"wait until it has ended (if it was killed, {self._expires_s:.0f} s at most)."
            )

    def renew(self) -> bool:
        """Write it anew; return whether it is still ours, as far as we know."""
        content = self._next()
        try:
            found = _read(self._place)
            if found is None or self._holder.encode() not in found[0]:
                return self._is_lost()
            if self._place.swap(content, version=found[1].version):
                return True
        except OSError as error:  # it is tried again; until then the others see it age
            _logger.warning("The lease of the store could not be renewed: %s", error.strerror)
        return True

    def release(self) -> None:
        with suppress(OSError):  # it expires by itself
            found = _read(self._place)
            if found is not None and self._holder.encode() in found[0]:
                self._place.unlink()

    def _is_lost(self) -> bool:
        _logger.warning(
            "Another process has taken the lease of %s, because it was not renewed for %.0f s; "
            "both go on, and no row is lost.",
            *(self._place.parent, self._expires_s),
        )
        return False

    def _next(self) -> bytes:
        self._count += 1
        note = {"host": socket.gethostname(), "pid": os.getpid(), "since": self._since}
        content = {**note, "holder": self._holder, "count": self._count}
        return json.dumps(content).encode() + b"\n"


def _read(lease: ObjectPlace) -> tuple[bytes, ObjectState] | None:
    try:
        return lease.read_version()
    except FileNotFoundError:
        return None


def _is_expired(root: ObjectPlace, lease: ObjectState, expires_s: float) -> bool:
    """Return whether a lease is old; an object that is written now tells the server's time."""
    probe = root / f"{_PROBE}-{uuid.uuid4().hex}"
    try:
        return written(probe, b"now").st_mtime - lease.st_mtime > expires_s
    finally:
        with suppress(OSError):
            probe.unlink()


def described(content: bytes) -> str:
    """Return `: process 1 of host x, since …`; nothing where a note is not to be read."""
    try:
        note: Any = json.loads(content)
        return f": process {note['pid']} on {note['host']}, since {note['since']}"
    except (ValueError, TypeError, KeyError):
        return ""
