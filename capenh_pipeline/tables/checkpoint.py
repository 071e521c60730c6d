"""A checkpoint: rows reach the disk while they are computed, so that a crash costs little."""

import queue
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self

import polars as pl

from capenh_pipeline.tables.table import Table

_POLL_S = 0.01


class Checkpoint:
    """Appends rows to a table in batches, from a thread of its own.

    Use it as a context manager: when the `with` block is left, in whatever way, every row that
    was added has been written. If writing fails, `add` or leaving the block raises that error;
    when the block itself ends in an exception, that one goes on, with a note about the rows.

    Only C-level locks are taken in the caller's thread. A `Condition` (and so `queue.Queue`)
    can stay locked for ever when Ctrl-C arrives inside its `__enter__`.
    """

    def __init__(self, table: Table, *, rows: int, seconds: float) -> None:
        """Prepare to write to `table`.

        Args:
            table: where the rows go.
            rows: write when that many are pending.
            seconds: write when the oldest pending row is that old, even if no other one comes.
        """
        self._table = table
        self._rows = rows
        self._seconds = seconds
        self._pending: queue.SimpleQueue[tuple[float, dict[str, Any]] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._is_closed = False
        self._has_ended = False
        self._writer: Future[None] = Future()

    def __enter__(self) -> Self:
        executor = ThreadPoolExecutor(1, thread_name_prefix="checkpoint")
        self._writer = executor.submit(self._write_until_closed)
        self._writer.add_done_callback(self._note_end)
        executor.shutdown(wait=False)
        return self

    def add(self, row: dict[str, Any]) -> None:
        """Take one row of the table; any thread may call this.

        It waits while the writer is more than two batches behind.

        Raises:
            StoreError: writing has failed; nothing more will be written.
            ValueError: the row has a column that the table has not, or the block was left.
        """
        if unknown := row.keys() - self._table.schema.columns.keys():
            raise ValueError(f"{self._table.schema.name} has no column {', '.join(unknown)}")
        while self._pending.qsize() >= 2 * self._rows and not self._has_ended:
            time.sleep(_POLL_S)
        if self._has_ended:
            self._writer.result()
        with self._lock:
            if self._is_closed:
                raise ValueError("rows cannot be added after the block was left")
            self._pending.put((time.monotonic(), row))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._lock:
            self._is_closed = True
            self._pending.put(None)
        failure = self._writer.exception()
        if failure is None or failure is error:
            return
        if error is None:
            raise failure
        error.add_note(f"The rows computed last were not stored: {failure}")

    def _write_until_closed(self) -> None:
        while batch := self._next_batch():
            self._table.append(pl.DataFrame(batch, schema=self._table.schema.columns))

    def _next_batch(self) -> list[dict[str, Any]]:
        """Wait until rows are due and return them; none when closed and all are written."""
        batch: list[dict[str, Any]] = []
        wait_s = None
        while len(batch) < self._rows:
            try:
                entry = self._pending.get(timeout=wait_s)
            except queue.Empty:
                return batch
            if entry is None:
                self._pending.put(None)  # for the next call, which then finds nothing else
                return batch
            if not batch:
                due = entry[0] + self._seconds
            batch.append(entry[1])
            wait_s = max(0.0, due - time.monotonic())
        return batch

    def _note_end(self, _writer: Future[None]) -> None:
        self._has_ended = True
