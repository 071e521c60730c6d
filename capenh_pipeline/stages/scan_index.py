"""The scan index: what each file of the dataset held when it was last read."""

from typing import Any

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
from capenh_pipeline.stages.ledger import shards_of_files
from capenh_pipeline.stages.run import Run

INDEX_ROWS = 20_000
"""Rows of the scan index in one checkpoint: they lie in all shards, a part in each, and reading
a file again costs little."""

_CONTENT = [
    *("image_hash", "width", "height", "format", "caption", "text_hash"),
    *("status", "error_kind", "error", "is_racy"),
]


def read_files(run: Run, files: pl.DataFrame) -> pl.DataFrame:
    """Return files of a `Listing` with what they hold; those that are not known are read first.

    Each is in the scan index afterwards. A file that is read while it changes may be missing.
    """
    known = known_files(run, files)
    unknown = files.join(known, on="path", how="anti")
    if unknown.is_empty():
        return known
    _read(run, unknown)
    return _indexed(run, files)


def look_into(run: Run, files: pl.DataFrame) -> pl.DataFrame:
    """Return files of a `Listing` with what they hold, as `read_files` does; nothing is stored."""
    known = known_files(run, files)
    unknown = files.join(known, on="path", how="anti")
    rows = [_inspect(run, file) for file in unknown.iter_rows(named=True)]
    return pl.concat([known, pl.DataFrame(rows, schema=SCAN_INDEX.columns).select(known.columns)])


def known_files(run: Run, files: pl.DataFrame) -> pl.DataFrame:
    """Return the files whose content is known from an earlier scan, with that content."""
    indexed = _indexed(run, files)
    is_known = is_settled(indexed)
    if run.options.retry_failed:
        is_known &= indexed["status"] == OK
    return indexed.filter(is_known)


def is_settled(indexed: pl.DataFrame) -> pl.Series:
    """Return for each file whether it is read no more as long as its size and times stay."""
    has_content = indexed["image_hash"].is_not_null() | indexed["text_hash"].is_not_null()
    is_too_large = indexed["error_kind"].eq_missing(TOO_LARGE)
    return ~indexed["is_racy"] & (has_content | is_too_large)


def _indexed(run: Run, files: pl.DataFrame) -> pl.DataFrame:
    index = run.store.table(SCAN_INDEX)
    rows = index.read(shards_of_files(run, files), columns=[*FILE_STATE, *_CONTENT])
    return files.join(rows, on=FILE_STATE, maintain_order="left")


def _read(run: Run, files: pl.DataFrame) -> None:
    with (
        run.progress.stage("files to read", files.height) as step,
        run.checkpoint(SCAN_INDEX, rows=INDEX_ROWS) as checkpoint,
    ):
        for row in read_ahead(
            files.iter_rows(named=True),
            lambda file: _inspect(run, file),
            workers=run.options.num_workers or usable_cores(),
        ):
            checkpoint.add(row)
            step()
    run.store.table(SCAN_INDEX).compact(shards_of_files(run, files))


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
