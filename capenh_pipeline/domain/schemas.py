"""The tables: their columns, the key of a row, and what a new row does to old ones."""

from dataclasses import dataclass

import polars as pl

OK = "ok"
FAILED = "failed"

PASSING_KINDS = ("changed", "unreadable")
"""Failures of a file, not of the content that a row is kept by: they do not outlast their run."""

TRANSIENT_KINDS = ("timeout", "server_error", "rate_limited", "out_of_memory")
"""Failures whose cause may be gone the next day, though it outlasted all tries of a run."""

_TIME = pl.Datetime("us", "UTC")
_OUTCOME = {"status": pl.String, "error_kind": pl.String, "error": pl.String}


@dataclass(frozen=True)
class TableSchema:
    """One Parquet table of the store.

    Attributes:
        name: folder in the store; also the asset's and the stage module's name.
        columns: Polars types by column, in file order. The store adds `seq` (Int64), the
            sequence number by which the newest row of a key wins.
        key: columns that identify a row.
        shard_by: the column (64 hex digits) whose first digits name the shard.
        is_snapshot: True where a shard's newest part replaces all earlier ones, so that a row
            can leave the table; False where parts add up.
    """

    name: str
    columns: dict[str, pl.DataType | type[pl.DataType]]
    key: tuple[str, ...]
    shard_by: str
    is_snapshot: bool = False


IMAGE_MANIFEST = TableSchema(
    name="image_manifest",
    columns={
        "image_hash": pl.String,
        "path": pl.String,
        "path_bytes": pl.Binary,  # set where the path is not UTF-8; `path` is then a printable form
        "size_bytes": pl.Int64,
        "mtime_ns": pl.Int64,
        "width": pl.Int32,  # null where the file is not an image that can be opened
        "height": pl.Int32,
        "format": pl.String,
        "manual_caption": pl.String,
        **_OUTCOME,
        "scanned_at": _TIME,
        "shard_hash": pl.String,  # image_hash, or SHA-256 of the path where that is null
    },
    key=("path",),
    shard_by="shard_hash",
    is_snapshot=True,
)

VLM_CAPTIONS = TableSchema(
    name="vlm_captions",
    columns={
        "image_hash": pl.String,
        "recipe_hash": pl.String,
        "caption": pl.String,
        **_OUTCOME,
        "finish_reason": pl.String,
        "new_tokens": pl.Int32,
        "model_id": pl.String,
        "effective_model_id": pl.String,
        "revision": pl.String,
        "prompt": pl.String,
        "options": pl.String,
        "attempts": pl.Int32,
        "created_at": _TIME,
        "run_id": pl.String,
    },
    key=("image_hash", "recipe_hash"),
    shard_by="image_hash",
)

COMBINED_CAPTIONS = TableSchema(
    name="combined_captions",
    columns={
        "image_hash": pl.String,
        "request_hash": pl.String,
        "recipe_hash": pl.String,
        "manual_caption": pl.String,
        "vlm_caption": pl.String,
        "caption": pl.String,
        **_OUTCOME,  # a good row has an error where it is a fallback: why there was no better one
        "fallback": pl.Boolean,  # joined from the two captions, because no answer was good enough
        "retention": pl.Float64,  # shares, see `domain.fusion.scores`; null in older rows
        "support": pl.Float64,
        "fixes": pl.List(pl.String),  # what was mended in the answer
        "finish_reason": pl.String,
        "model": pl.String,
        "system_prompt": pl.String,
        "options": pl.String,
        "prompt_tokens": pl.Int32,
        "completion_tokens": pl.Int32,
        "attempts": pl.Int32,
        "latency_s": pl.Float64,  # of its answered requests together
        "created_at": _TIME,
        "run_id": pl.String,
    },
    key=("image_hash", "request_hash"),
    shard_by="image_hash",
)

CAPTION_FILES = TableSchema(
    name="caption_files",
    columns={
        "path": pl.String,
        "path_bytes": pl.Binary,
        "path_hash": pl.String,  # SHA-256 of the path's bytes: a file keeps its shard for ever
        "image_hash": pl.String,
        "image_path": pl.String,  # of the image that it stands beside
        "kind": pl.String,  # "combined" or "generated"
        "content_hash": pl.String,  # SHA-256 of the bytes that we write
        "previous_hash": pl.String,  # of the bytes that we wrote before: a crash leaves either
        "size_bytes": pl.Int64,  # as found on disk after writing; null while it is being written
        "mtime_ns": pl.Int64,
        "ctime_ns": pl.Int64,
        "written_at": _TIME,
        "run_id": pl.String,
    },
    key=("path",),
    shard_by="path_hash",
)

SCAN_INDEX = TableSchema(
    name="scan_index",
    columns={
        "path": pl.String,
        "path_bytes": pl.Binary,
        "path_hash": pl.String,
        "size_bytes": pl.Int64,
        "mtime_ns": pl.Int64,
        "ctime_ns": pl.Int64,
        "is_racy": pl.Boolean,  # changed so shortly before the scan that it may change unseen
        "image_hash": pl.String,
        "width": pl.Int32,
        "height": pl.Int32,
        "format": pl.String,
        "caption": pl.String,  # of a text file: what a person wrote, null if that is nothing
        "text_hash": pl.String,  # SHA-256 of a text file's bytes, null where they cannot be read
        **_OUTCOME,
    },
    key=("path",),
    shard_by="path_hash",
)

TABLES = (IMAGE_MANIFEST, VLM_CAPTIONS, COMBINED_CAPTIONS, CAPTION_FILES, SCAN_INDEX)
"""Every table of a store."""
