"""What each column of the tables means, in a sentence, for people who look at a table."""

from collections.abc import Mapping

from capenh_pipeline.domain.schemas import (
    CAPTION_FILES,
    COMBINED_CAPTIONS,
    IMAGE_MANIFEST,
    VLM_CAPTIONS,
)

_IMAGE_HASH = "SHA-256 of the image file's bytes; files with equal bytes are one image."
_RECIPE_HASH = "Hash of all that can change the caption besides its input."
_PATH_BYTES = "The path's bytes where they are not UTF-8; `path` is then a printable form."
_OUTCOME = {
    "status": "`ok` or `failed`.",
    "error_kind": "The kind of failure, one word.",
    "error": "Why it failed, in a sentence.",
}
_MADE = {
    "attempts": "How many times the model was asked.",
    "created_at": "When the row was made, in UTC.",
    "run_id": "The Dagster run that made the row.",
}

COLUMN_SENTENCES: Mapping[str, Mapping[str, str]] = {
    IMAGE_MANIFEST.name: {
        "image_hash": _IMAGE_HASH,
        "path": "The file, relative to the dataset's folder, with `/`.",
        "path_bytes": _PATH_BYTES,
        "size_bytes": "Size of the file.",
        "mtime_ns": "When the file was last changed, in nanoseconds since 1970.",
        "width": "Pixels from left to right once it is turned upright; null if it is no image.",
        "height": "Pixels from top to bottom once it is turned upright; null if it is no image.",
        "format": "The image format, as JPEG or PNG.",
        "manual_caption": "What a person wrote about the image; null if nobody did.",
        **_OUTCOME,
        "scanned_at": "When the file was found to be as the row says, in UTC.",
        "shard_hash": "Its first digits name the shard: the image's hash, or that of its path.",
    },
    VLM_CAPTIONS.name: {
        "image_hash": _IMAGE_HASH,
        "recipe_hash": _RECIPE_HASH,
        "caption": "What the VLM saw; null if it failed.",
        **_OUTCOME,
        "finish_reason": "`stop`, or `length` where the limit of tokens cut the caption off.",
        "new_tokens": "Tokens that the VLM wrote.",
        "model_id": "The VLM as it was asked for.",
        "effective_model_id": "The VLM that was loaded, or that a server says has answered.",
        "revision": "The commit of the VLM, if it has one.",
        "prompt": "What the VLM was asked.",
        "options": "The recipe and the generation options that counted, as JSON.",
        **_MADE,
    },
    COMBINED_CAPTIONS.name: {
        "image_hash": _IMAGE_HASH,
        "request_hash": "Hash of the recipe and of both captions.",
        "recipe_hash": _RECIPE_HASH,
        "manual_caption": "What a person wrote, as the LLM was told.",
        "vlm_caption": "What the VLM saw, as the LLM was told.",
        "caption": "The combined caption; null if it failed.",
        **_OUTCOME,
        "fallback": "True where no answer was good enough, so that both captions were joined.",
        "retention": "Share of the manual caption's facts that the combined one keeps.",
        "support": "Share of its words that the manual or the VLM caption supports.",
        "fixes": "What was mended in the answer.",
        "finish_reason": "`stop`, or `length` where the limit of tokens cut the answer off.",
        "model": "The LLM that answered.",
        "system_prompt": "What the LLM was told to do.",
        "options": "The recipe, as JSON.",
        "prompt_tokens": "Tokens that the LLM read.",
        "completion_tokens": "Tokens that the LLM wrote.",
        **_MADE,
        "latency_s": "Seconds that its answered requests took together.",
    },
    CAPTION_FILES.name: {
        "path": "The caption file, relative to the dataset's folder, with `/`.",
        "path_bytes": _PATH_BYTES,
        "path_hash": "SHA-256 of the path's bytes; its first digits name the shard.",
        "image_hash": _IMAGE_HASH,
        "image_path": "The image that the file stands beside.",
        "kind": "`combined`, or `generated` for a VLM caption.",
        "content_hash": "SHA-256 of what we wrote into the file.",
        "previous_hash": "SHA-256 of what we had written there before.",
        "size_bytes": "Size of the file once it was written; null while it is being written.",
        "mtime_ns": "When the file was last changed, in nanoseconds since 1970.",
        "ctime_ns": "When anything about the file was last changed, in nanoseconds since 1970.",
        "written_at": "When the file was written, in UTC.",
        "run_id": "The Dagster run that wrote the file.",
    },
}
"""Sentences by column, by table: every column of the tables that are assets."""
