"""Captions in text files beside their images, where people may edit them.

A ledger remembers the content of each file that we wrote, so that a file with any other content
is known to be a person's. It is written ahead: first what a file is going to hold beside what it
held, then the file, then that it is there. Killed anywhere in between, the next run finds a file
that holds one of the two, and knows it for ours.
"""

import errno
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path

import polars as pl

from capenh_pipeline.domain.identity import sha256_hex
from capenh_pipeline.domain.paths import path_hash, raw_path
from capenh_pipeline.domain.schemas import CAPTION_FILES
from capenh_pipeline.errors import StoreError
from capenh_pipeline.export.comparison import (
    Action,
    Comparison,
    WantedFile,
    compare,
    holds,
)
from capenh_pipeline.export.object_files import require_conditions, write_object
from capenh_pipeline.files import TEMPORARY_PREFIX, make_folder, replace_file, sync_folder
from capenh_pipeline.places.containers import is_in_container
from capenh_pipeline.places.file_state import FileState, state_of
from capenh_pipeline.places.object_client import ObjectError
from capenh_pipeline.places.object_place import ObjectPlace
from capenh_pipeline.places.place import Place, each, file_in

FILES_AT_ONCE = 1000
"""Files between two entries in the ledger: so many are compared anew after a crash."""

_WRITERS = 8  # fsyncs that run at the same time share a commit of the file system's journal
_NO_FILE_CAN_BE_WRITTEN = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}
_ADVICE = {
    errno.ENAMETOOLONG: "rename the image (its caption is in the store)",
    errno.EACCES: "allow writing there",
    errno.EPERM: "make its folder writable",
    errno.EISDIR: "rename the folder of its name",
    errno.EIO: "see whether the disk is sound",
}
_PATH = ["path", "path_bytes"]
_KNOWN = ["content_hash", "previous_hash", "size_bytes", "mtime_ns", "ctime_ns"]

_Found = tuple[Comparison, FileState | None]


@dataclass(frozen=True)
class Stamp:
    """Who writes, and when (UTC)."""

    run_id: str
    now: datetime


@dataclass
class ExportOutcome:
    """What became of the wanted files.

    Attributes:
        written: those that were written.
        unchanged: how many held the wanted text already.
        kept: those that a person wrote or edited and that were left alone.
        failed: those that could not be written, each with a sentence.
    """

    written: list[str] = field(default_factory=list)
    unchanged: int = 0
    kept: list[str] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)


def write_caption_files(
    wanted: pl.DataFrame,
    ledger: pl.DataFrame,
    *,
    root: Place,
    overwrite: bool,
    record: Callable[[pl.DataFrame], None],
    stamp: Stamp,
) -> ExportOutcome:
    """Bring the wanted caption files up to date; nothing else in the dataset is touched.

    Each file holds the text and one newline, in UTF-8. A file that has not changed since we
    wrote it is not even opened. A link counts as a person's file and is never written through.

    Args:
        wanted: one row a file: `path` and `path_bytes` of the caption file, `image_hash`,
            `image_path`, `kind`, `text`.
        ledger: the newest row of each file, of the table `CAPTION_FILES`.
        root: the dataset folder.
        overwrite: whether files that a person wrote or edited are replaced.
        record: appends rows to the ledger; they are on disk when it returns.
        stamp: what the new rows of the ledger are signed with.

    Raises:
        StoreError: the disk is full or read-only, so no file could be written.
    """
    export = _Export(root=root, overwrite=overwrite, record=record, stamp=stamp)
    export.remove_leftovers(ledger.join(wanted, on=_PATH, how="semi", nulls_equal=True))
    rows = with_ledger(wanted, ledger)
    comparisons = export.compare(WantedFile(*row) for row in rows.iter_rows())
    while chunk := list(islice(comparisons, FILES_AT_ONCE)):
        export.apply(chunk)
    return export.outcome


def with_ledger(wanted: pl.DataFrame, ledger: pl.DataFrame) -> pl.DataFrame:
    """Return the wanted files with what the ledger knows, in the columns of `WantedFile`."""
    known = ledger.select(_PATH + _KNOWN)
    found = wanted.join(known, on=_PATH, how="left", nulls_equal=True, maintain_order="left")
    return found.select(WantedFile._fields)


class _Export:
    """One call of `write_caption_files`."""

    def __init__(
        self,
        *,
        root: Place,
        overwrite: bool,
        record: Callable[[pl.DataFrame], None],
        stamp: Stamp,
    ) -> None:
        self.outcome = ExportOutcome()
        self._root = root
        self._overwrite = overwrite
        self._record = record
        self._stamp = stamp

    def remove_leftovers(self, ledger: pl.DataFrame) -> None:
        """Remove the temporary files of writers that were killed.

        Only for the files that this run writes: another run may be at work on the others.
        """
        begun = ledger.filter(pl.col("size_bytes").is_null())
        for path, path_bytes, run_id in begun.select(*_PATH, "run_id").iter_rows():
            file = file_in(self._root, raw_path(path, path_bytes))
            if isinstance(file, Path):
                with suppress(OSError):
                    _temporary(file, run_id).unlink()

    def compare(self, wanted: Iterable[WantedFile]) -> Iterator[Comparison]:
        """Yield what is to be written or adopted; take down the rest."""
        remaining = iter(wanted)
        while some := list(islice(remaining, FILES_AT_ONCE)):
            found = each(self._compared, some, places=[self._root])
            for file, comparison in zip(some, found, strict=True):
                if isinstance(comparison, OSError):
                    self._fail(file, comparison)
                elif comparison.action in (Action.WRITE, Action.ADOPT):
                    yield comparison
                if isinstance(comparison, Comparison):
                    self._count(comparison)

    def _compared(self, file: WantedFile) -> Comparison | OSError:
        try:
            return compare(file, root=self._root, overwrite=self._overwrite)
        except OSError as error:
            return error

    def _count(self, comparison: Comparison) -> None:
        if comparison.action in (Action.NONE, Action.ADOPT):
            self.outcome.unchanged += 1
        if comparison.action is Action.KEEP:
            self.outcome.kept.append(comparison.wanted.path)

    def apply(self, comparisons: Sequence[Comparison]) -> None:
        """Write files, and tell the ledger before and after."""
        to_write = [found for found in comparisons if found.action is Action.WRITE]
        if to_write:
            self._require_conditions()
            self._record(self._ledger_rows([(found, None) for found in to_write]))
        written = self._write_all(to_write)
        self.outcome.written += [found.wanted.path for found, _ in written]
        adopted = [(found, found.state) for found in comparisons if found.action is Action.ADOPT]
        if written or adopted:
            self._record(self._ledger_rows([*written, *adopted]))

    def _require_conditions(self) -> None:
        if isinstance(self._root, ObjectPlace) and not self._overwrite:
            try:
                require_conditions(self._root)
            except OSError as error:
                raise self._complaint(error) from error

    def _write_all(self, comparisons: Sequence[Comparison]) -> list[_Found]:
        """Write files; return those that are there for good, with their states."""
        with ThreadPoolExecutor(_WRITERS, thread_name_prefix="export") as pool:
            results = list(pool.map(self._write, comparisons))
        written: list[_Found] = []
        for found, result in zip(comparisons, results, strict=True):
            if isinstance(result, OSError):
                self._fail(found.wanted, result)
            elif result is None:
                self.outcome.kept.append(found.wanted.path)
            else:
                written.append((found, result))
        files = [found.file for found, _ in written]
        for folder in {file.parent for file in files if isinstance(file, Path)}:
            try:
                sync_folder(folder)
            except OSError as error:
                raise self._complaint(error) from error
        return written

    def _write(self, found: Comparison) -> FileState | OSError | None:
        """Write a file, unless somebody has written it since it was compared: then return None.

        Another run may have written the same.
        """
        file = found.file
        try:
            if isinstance(file, ObjectPlace):
                return write_object(
                    file, found.content, before=found.state, overwrite=self._overwrite
                )
            state = state_of(file)
            if state != found.state and not self._overwrite:
                return state if state and holds(file, found.content, state) else None
            self._replace(file, found.content)
            return state_of(file)
        except OSError as error:
            return error

    def _replace(self, file: Path, content: bytes) -> None:
        temporary = _temporary(file, self._stamp.run_id)
        try:
            replace_file(file, content, temporary=temporary)
        except FileNotFoundError:
            if is_in_container(file):
                make_folder(file.parent)
            # or a run that has begun took it for what a killed one has left
            replace_file(file, content, temporary=temporary)

    def _fail(self, wanted: WantedFile, error: OSError) -> None:
        if error.errno in _NO_FILE_CAN_BE_WRITTEN or isinstance(error, ObjectError):
            raise self._complaint(error) from error
        advice = _ADVICE.get(error.errno or 0, "mend that")
        reason = f"The caption file cannot be written: {error.strerror}; {advice} and run again."
        self.outcome.failed.append((wanted.path, reason))

    def _complaint(self, error: OSError) -> StoreError:
        is_on_disk = isinstance(self._root, Path)
        remedy = "free space or make it writable" if is_on_disk else "see to its server"
        return StoreError(
            f"Caption files cannot be written to {self._root} ({error.strerror}); "
            f"{remedy} and run again, finished work is kept."
        )

    def _ledger_rows(self, files: Sequence[_Found]) -> pl.DataFrame:
        rows = [
            {
                "path": found.wanted.path,
                "path_bytes": found.wanted.path_bytes,
                "path_hash": path_hash(found.wanted.path, found.wanted.path_bytes),
                "image_hash": found.wanted.image_hash,
                "image_path": found.wanted.image_path,
                "kind": found.wanted.kind,
                "content_hash": found.content_hash,
                "previous_hash": found.previous_hash,
                "size_bytes": state and state.size_bytes,
                "mtime_ns": state and state.mtime_ns,
                "ctime_ns": state and state.ctime_ns,
                "written_at": self._stamp.now,
                "run_id": self._stamp.run_id,
            }
            for found, state in files
        ]
        return pl.DataFrame(rows, schema=CAPTION_FILES.columns)


def _temporary(file: Path, run_id: str) -> Path:
    """Return a name that no other run uses; what a killed one has left is found by its ledger."""
    return file.with_name(TEMPORARY_PREFIX + sha256_hex(os.fsencode(file.name + run_id))[:32])
