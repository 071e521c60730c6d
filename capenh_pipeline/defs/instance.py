"""The Dagster instance of the commands: `DAGSTER_HOME`, or one in the store."""

import sqlite3
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
from filelock import FileLock
from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DBAPIError

from capenh_pipeline.domain.identity import sha256_hex
from capenh_pipeline.errors import StoreError
from capenh_pipeline.files import make_folder, nameable_path, write_atomically
from capenh_pipeline.places.place import Place, local_folder
from capenh_pipeline.tables.faults import writing

HOME_FOLDER = "dagster_home"
SETTINGS = Path(__file__).with_name("dagster.yaml")

_WRITTEN = ".dagster.yaml.sha256"
"""What tells the settings that were written from those that people have changed since."""

_WRITTEN_BEFORE = {
    "a90d7385acee05c3a56db71e95c746d51262088d14c077b4c1cdff715ccb7af9",
    "88eaa8c0751d3236c63da87d9c0d8dbf4944d274f3d4e30d46cce1676bfac6e5",
    "c52dbe569a0d022f50e7ba834039647996bfc4d6c5825d63c7e45e2a0031697b",
    "01e15ab0d97cd306fb99f96fe314cec454039586b46c884a2411cb181eebbb91",
    "86ae48a98bde7916c31bdeacee742c84db37061342e10574c699b132a86e7bf4",
    "a147e63f8bfabca70a1269f6c521fef1cbb8266600c5e1cd90a369e9e9cdba6a",
    "e47765f145e3ca88537f93387cbaeb3a567466f4bacd6f30532a349735b849be",
}
"""SHA-256 of the settings that were written before that was taken down."""


def dagster_home(store: Place, environment: Mapping[str, str]) -> Path:
    """Return the folder of the instance, with a `dagster.yaml` in it.

    A folder of our own gets the project's settings, and those of a later version as long as nobody
    changes them; a `DAGSTER_HOME` of the user's is left as it is, but for an empty file where
    Dagster insists on one.
    """
    chosen = environment.get("DAGSTER_HOME")
    home = (
        nameable_path(chosen, option="DAGSTER_HOME")
        if chosen
        else local_folder(store, environment) / HOME_FOLDER
    )
    with writing(home):
        make_folder(home)
        if not chosen:
            _bring_up_to_date(home)
        elif not (home / "dagster.yaml").exists():
            write_atomically(home / "dagster.yaml", b"")
    return home


def _bring_up_to_date(home: Path) -> None:
    settings, written, ours = home / "dagster.yaml", home / _WRITTEN, SETTINGS.read_bytes()
    before = settings.read_bytes() if settings.exists() else None
    last = written.read_bytes().decode("ascii", "replace") if written.exists() else ""
    if before not in (None, ours) and sha256_hex(before) not in {last, *_WRITTEN_BEFORE}:
        return
    if before != ours:
        write_atomically(settings, ours)
    if last != sha256_hex(ours):
        write_atomically(written, sha256_hex(ours).encode())


@contextmanager
def open_instance(home: Path) -> Generator[dg.DagsterInstance]:
    """Open the instance of `home` for a while.

    One process at a time: two that create its database at once can spoil it.

    Raises:
        StoreError: its database cannot be read or written, now or later.
    """
    with _database_faults(home), _without_waiting_for_the_disk():
        with writing(home), FileLock(home / ".opening.lock"):
            instance = dg.DagsterInstance.from_config(str(home))
            instance.get_runs_count()  # the first question creates the tables
        try:
            yield instance
        finally:
            instance.dispose()


@contextmanager
def _without_waiting_for_the_disk() -> Generator[None]:
    """Let SQLite write to the disk now and then, not at each of hundreds of events.

    Dagster opens its databases with a write-ahead log. In that mode a process that is killed loses
    nothing; a power cut can lose the last events, never the database (sqlite.org/pragma.html).
    """
    event.listen(Engine, "connect", _write_now_and_then)
    try:
        yield
    finally:
        event.remove(Engine, "connect", _write_now_and_then)


def _write_now_and_then(connection: Any, _: Any) -> None:
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA synchronous = NORMAL")


@contextmanager
def _database_faults(home: Path) -> Generator[None]:
    """Turn what a database on a bad disk raises into a `StoreError` that names `home`."""
    try:
        yield
    except Exception as error:
        fault = _database_fault(error)
        if fault is None:
            raise
        reason = " ".join(str(getattr(fault, "orig", fault)).split())  # PostgreSQL's has lines
        raise StoreError(
            f"Dagster cannot keep its records at {home}: {reason}; free some space, allow "
            "writing there, or set DAGSTER_HOME to another folder."
        ) from error


def _database_fault(error: BaseException | None) -> BaseException | None:
    """Return what the database said: `error`, or what it came from (dagster-postgres wraps it)."""
    while error is not None and not isinstance(error, (DBAPIError, sqlite3.Error)):
        error = error.__cause__
    return error
