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

from capenh_pipeline.errors import StoreError
from capenh_pipeline.files import make_folder, nameable_path, write_atomically
from capenh_pipeline.places.place import Place, local_folder
from capenh_pipeline.tables.faults import writing

HOME_FOLDER = "dagster_home"
SETTINGS = Path(__file__).with_name("dagster.yaml")


def dagster_home(store: Place, environment: Mapping[str, str]) -> Path:
    """Return the folder of the instance, with a `dagster.yaml` in it.

    A folder of our own gets the project's settings; a `DAGSTER_HOME` of the user's is left as
    it is, but for an empty file where Dagster insists on one.
    """
    chosen = environment.get("DAGSTER_HOME")
    home = (
        nameable_path(chosen, option="DAGSTER_HOME")
        if chosen
        else local_folder(store, environment) / HOME_FOLDER
    )
    settings = home / "dagster.yaml"
    with writing(home):
        make_folder(home)
        if not settings.exists():
            write_atomically(settings, b"" if chosen else SETTINGS.read_bytes())
    return home


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
