"""Who is at work on a store: one command at a time, and the others are told which."""

import json
import os
import socket
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from capenh_pipeline.errors import StoreBusyError
from capenh_pipeline.files import write_atomically
from capenh_pipeline.places.object_place import ObjectPlace
from capenh_pipeline.places.place import Place
from capenh_pipeline.tables.faults import writing
from capenh_pipeline.tables.lease import described, is_leased, leased

_LOCK, _NOTE = "run.lock", "run.json"


@contextmanager
def hold(root: Place) -> Generator[None]:
    """Keep other commands from working on the store meanwhile; a killed one lets go of it.

    In object storage that takes a while; see `lease`.

    Raises:
        StoreBusyError: another one holds it; the message says which, as far as that is known.
    """
    if isinstance(root, ObjectPlace):
        with ExitStack() as stack:
            with writing(root):
                stack.enter_context(leased(root))
            yield
        return
    lock = FileLock(root / _LOCK)
    with writing(root / _LOCK):
        try:
            lock.acquire(blocking=False)
        except Timeout:
            raise StoreBusyError(
                f"Another run is at work on the store {root}{_described(root)}; wait until it has "
                f"ended."
            ) from None
    note = root / _NOTE
    try:
        with suppress(OSError):  # the note is for people; the lock is what counts
            write_atomically(note, _content())
        yield
    finally:
        with suppress(OSError):
            note.unlink(missing_ok=True)
        lock.release()


def is_held(root: Place) -> bool:
    """Return whether a command is at work on the store; where nobody can write, none is."""
    if isinstance(root, ObjectPlace):
        return is_leased(root)
    lock = FileLock(root / _LOCK)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return True
    except OSError:
        return False
    lock.release()
    return False


def _content() -> bytes:
    since = datetime.now(UTC).isoformat(sep=" ", timespec="seconds")
    note = {"host": socket.gethostname(), "pid": os.getpid(), "since": since}
    return json.dumps(note).encode() + b"\n"


def _described(root: Path) -> str:
    """Return `: process 1 of host x, since …`; nothing where the note is not there."""
    try:
        return described((root / _NOTE).read_bytes())
    except OSError:
        return ""
