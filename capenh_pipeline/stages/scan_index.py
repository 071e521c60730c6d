"""The scan index: what each file of the dataset held when it was last read."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, Self

import polars as pl

from capenh_pipeline.dataset.images import inspect_image
from capenh_pipeline.dataset.manual_captions import TOO_LARGE, inspect_caption
from capenh_pipeline.dataset.scan import FILE_STATE, file_path, is_text_file
from capenh_pipeline.domain.paths import path_hash
from capenh_pipeline.domain.schemas import FAILED, OK, SCAN_INDEX
from capenh_pipeline.engines.read_ahead import read_ahead
from capenh_pipeline.models.torch_threads import usable_cores
from capenh_pipeline.places.place import Place
from capenh_pipeline.stages.known_listing import RACY_NS
from capenh_pipeline.stages.ledger import FileRows, shards_of_files
from capenh_pipeline.stages.run import Run
from capenh_pipeline.tables.checkpoint import Checkpoint, in_utf_8

INDEX_ROWS = 20_000
"""Rows of the scan index in one checkpoint: they lie in all shards, a part in each, and reading
a file again costs little."""

FRAME_ROWS = 2_000
"""Rows that are objects of Python, which take ten times the memory, before they are a frame."""

_CONTENT = [
    *("image_hash", "width", "height", "format", "caption", "text_hash"),
    *("status", "error_kind", "error", "is_racy"),
]


class ScanIndex:
    """What the files of a dataset hold, asked for one portion of them after another."""

    def __init__(self, run: Run) -> None:
        """Read nothing yet."""
        self._run = run
        self._rows = FileRows(run, SCAN_INDEX, columns=[*FILE_STATE, *_CONTENT])

    def known(self, files: pl.DataFrame) -> pl.DataFrame:
        """Return those of some files whose content an earlier scan has found, with that content.

        Args:
            files: in the columns `FILE`.
        """
        indexed = files.join(self._rows.of(files), on=FILE_STATE, maintain_order="left")
        is_known = is_settled(indexed)
        if self._run.options.retry_failed:
            is_known &= indexed["status"] == OK
        return indexed.filter(is_known)

    def look_into(self, files: pl.DataFrame) -> pl.DataFrame:
        """Return some files with what they hold; those that are not known are read, not stored."""
        known = self.known(files)
        unknown = files.join(known, on="path", how="anti")
        rows = [_inspect(self._run, file) for file in unknown.iter_rows(named=True)]
        return pl.concat([known, _frame(rows).select(known.columns)])


class FileReader:
    """Reads files, which are in the scan index afterwards.

    Use it as a context manager, in which one portion is read after another.
    """

    def __init__(self, run: Run) -> None:
        """Read nothing yet."""
        self._run = run
        self._open = ExitStack()
        self._shards: set[str] = set()  # that have rows of what was read
        self._begun: tuple[Callable[[], None], Checkpoint] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: Any) -> None:
        self._open.__exit__(*raised)
        if raised[0] is None:
            self._run.store.table(SCAN_INDEX).compact(sorted(self._shards))

    def read(self, files: pl.DataFrame, count: Callable[[], int]) -> Iterator[pl.DataFrame]:
        """Yield what files hold, in frames in the columns of the scan index.

        Args:
            files: in the columns `FILE`.
            count: says how many files there are to read in all; it is asked at the first of them.

        Raises:
            StoreError: the store cannot be written.
        """
        self._begun = self._begun or self._begin(count())
        step, checkpoint = self._begun
        self._shards.update(shards_of_files(self._run, files))
        rows: list[dict[str, Any]] = []
        for row in read_ahead(
            files.iter_rows(named=True),
            lambda file: _inspect(self._run, file),
            workers=self._run.options.num_workers or usable_cores(),
        ):
            checkpoint.add(row)
            step()
            rows.append(row)
            if len(rows) == FRAME_ROWS:
                yield _frame(rows)
                rows = []
        yield _frame(rows)

    def _begin(self, total: int) -> tuple[Callable[[], None], Checkpoint]:
        enter = self._open.enter_context
        step = enter(self._run.progress.stage("files to read", total))
        return step, enter(self._run.checkpoint(SCAN_INDEX, rows=INDEX_ROWS))


def is_settled(indexed: pl.DataFrame) -> pl.Series:
    """Return for each file whether it is read no more as long as its size and times stay."""
    has_content = indexed["image_hash"].is_not_null() | indexed["text_hash"].is_not_null()
    is_too_large = indexed["error_kind"].eq_missing(TOO_LARGE)
    return ~indexed["is_racy"] & (has_content | is_too_large)


def _frame(rows: list[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame([in_utf_8(row) for row in rows], schema=SCAN_INDEX.columns)


def _inspect(run: Run, file: dict[str, Any]) -> dict[str, Any]:
    began_ns = run.now_ns()
    path = file_path(run.dataset, file["path"], file["path_bytes"])
    is_text = is_text_file(file["path"])
    content = _text(path) if is_text else _image(path, run.options.image_timeout_s)
    return {
        **file,
        **content,
        "path_hash": path_hash(file["path"], file["path_bytes"]),
        "is_racy": began_ns - file["ctime_ns"] < RACY_NS,
        "status": OK if content["error_kind"] is None else FAILED,
    }


def _image(path: Place, timeout_s: float) -> dict[str, Any]:
    facts = inspect_image(path, timeout_s=timeout_s)
    return {
        "image_hash": facts.image_hash,
        "width": facts.width,
        "height": facts.height,
        "format": facts.format,
        "error_kind": facts.error_kind,
        "error": facts.error,
    }


def _text(path: Place) -> dict[str, Any]:
    facts = inspect_caption(path)
    return {
        "caption": facts.caption,
        "text_hash": facts.text_hash,
        "error_kind": facts.error_kind,
        "error": facts.error,
    }
