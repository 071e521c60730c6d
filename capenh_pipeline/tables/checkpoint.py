"""A checkpoint: rows reach the disk while they are computed, so that a crash costs little."""

import math
import queue
import threading
import time
from types import TracebackType
from typing import Any, Self

import polars as pl

from capenh_pipeline.tables.table import Table

_POLL_S = 0.005
_IDLE_S = 0.5


class Checkpoint:
    """Appends rows to a table in batches, from a thread of its own.

    Use it as a context manager: when the `with` block is left, in whatever way, every row that
    was added has been written. If writing fails, `add` or leaving the block raises that error;
    when the block itself ends in an exception, that one goes on, with a note about the rows.

    Ctrl-C decides how the caller's thread waits. A `Condition` (and so `queue.Queue`) stays locked
    for ever when it arrives inside `__enter__`; in Python 3.11 an interrupted `Thread.join` takes
    the thread for ended (bpo-45274); and polars' handler lets no lock be interrupted
    (pola-rs/polars#21739). So it takes a plain `Lock` for moments, and waits by sleeping.
    """

    def __init__(self, table: Table, *, rows: int, seconds: float) -> None:
        """Prepare to write to `table`.

        Args:
            table: where the rows go.
            rows: at most so many are not on disk at any time, so a kill costs no more; they are
                written together.
            seconds: write when the oldest pending row is that old, even if no other one comes.
        """
        self._table = table
        self._rows = rows
        self._seconds = seconds
        self._pending: queue.SimpleQueue[tuple[float, dict[str, Any]] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._is_closed = False
        self._added = 0
        self._written = 0
        self._is_writing = threading.Lock()  # held until the writer's last row is written
        self._failure: BaseException | None = None

    def __enter__(self) -> Self:
        self._is_writing.acquire()
        threading.Thread(target=self._write_until_closed, name="checkpoint").start()
        return self

    def add(self, row: dict[str, Any]) -> None:
        """Take one row of the table; any thread may call this.

        It waits while as many rows as make a batch are being written.

        Raises:
            StoreError: writing has failed; nothing more will be written.
            ValueError: the row has a column that the table has not, or the block was left.
        """
        if unknown := row.keys() - self._table.schema.columns.keys():
            raise ValueError(f"{self._table.schema.name} has no column {', '.join(unknown)}")
        row = in_utf_8(row)
        while not self._is_taken(row):
            time.sleep(_POLL_S)

    def _is_taken(self, row: dict[str, Any]) -> bool:
        if self._failure is not None:
            raise self._failure
        with self._lock:
            if self._is_closed:
                raise ValueError("rows cannot be added after the block was left")
            if self._added - self._written >= self._rows:
                return False
            self._pending.put((time.monotonic(), row))
            self._added += 1
            return True

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._lock:
            self._is_closed = True
            self._pending.put(None)
        self._wait_for_writer()
        if self._failure is None or self._failure is error:
            return
        if error is None:
            raise self._failure
        error.add_note(f"The rows computed last were not stored: {self._failure}")

    def _wait_for_writer(self) -> None:
        """Return when the writer has ended; the first Ctrl-C is raised after that, not before."""
        try:
            self._sleep_while_writing()
        except BaseException:
            self._sleep_while_writing()
            raise

    def _sleep_while_writing(self) -> None:
        while self._is_writing.locked():
            time.sleep(_POLL_S)

    def _write_until_closed(self) -> None:
        try:
            while batch := self._next_batch():
                self._append(batch)
        except BaseException as error:  # noqa: BLE001  # raised by add() or __exit__ in its place
            self._failure = error
        finally:
            self._is_writing.release()

    def _append(self, batch: list[dict[str, Any]]) -> None:
        """Write `batch`, again from the start where Ctrl-C stopped it.

        Polars then stops its work in every thread and raises `KeyboardInterrupt` there, until no
        thread is inside it (pola-rs/polars#20961); the caller's thread gets its own. Rows written
        twice are one row to a reader.
        """
        while True:
            try:
                self._table.append(pl.DataFrame(batch, schema=self._table.schema.columns))
            except KeyboardInterrupt:
                time.sleep(_POLL_S)
            else:
                self._written += len(batch)
                return

    def _next_batch(self) -> list[dict[str, Any]]:
        """Wait until rows are due and return them; none when closed and all are written.

        A Ctrl-C at the first instruction of `__exit__` means that nobody closes us. Then we end
        when the main thread has: Python waits for this one before the process exits.
        """
        batch: list[dict[str, Any]] = []
        due = math.inf
        while len(batch) < self._rows:
            wait_s = max(0.0, min(_IDLE_S, due - time.monotonic()))
            try:
                entry = self._pending.get(timeout=wait_s)
            except queue.Empty:
                if time.monotonic() >= due or not threading.main_thread().is_alive():
                    return batch
                continue
            if entry is None:
                self._pending.put(None)  # for the next call, which then finds nothing else
                return batch
            if not batch:
                due = entry[0] + self._seconds
            batch.append(entry[1])
        return batch


def in_utf_8(row: dict[str, Any]) -> dict[str, Any]:
    """Replace lone surrogates by `?`: Parquet text is UTF-8, and replies and paths may not be."""
    return {
        name: value.encode("utf-8", "replace").decode() if isinstance(value, str) else value
        for name, value in row.items()
    }
