"""Rows for the tests of the store."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from capenh_pipeline.domain.identity import sha256_hex
from capenh_pipeline.domain.schemas import VLM_CAPTIONS
from capenh_pipeline.tables.table import Table

RECIPE = "r" * 64


def hash_in(shard: str, name: str) -> str:
    """An image hash in that shard."""
    return shard + sha256_hex(name.encode())[len(shard) :]


def captions(shard: str, texts: dict[str, str]) -> pl.DataFrame:
    """Rows of vlm_captions: one for each image name, with that caption."""
    return pl.DataFrame(
        {
            "image_hash": [hash_in(shard, name) for name in texts],
            "recipe_hash": [RECIPE] * len(texts),
            "caption": list(texts.values()),
            "status": ["ok"] * len(texts),
        },
        schema_overrides={"image_hash": pl.String, "caption": pl.String},
    )


def texts_in(table: Table, shards: Sequence[str] | None = None) -> list[str]:
    """The captions that a reader sees, in its order."""
    return table.read(shards, columns=["caption"])["caption"].to_list()


def manifest(shard: str, sizes: dict[str, int]) -> pl.DataFrame:
    """Rows of image_manifest: one for each path, with that size."""
    return pl.DataFrame(
        {
            "image_hash": [hash_in(shard, path) for path in sizes],
            "shard_hash": [hash_in(shard, path) for path in sizes],
            "path": list(sizes),
            "size_bytes": list(sizes.values()),
        },
        schema_overrides={"shard_hash": pl.String, "path": pl.String, "size_bytes": pl.Int64},
    )


def sizes_in(table: Table) -> dict[str, int]:
    """The sizes by path that a reader of a manifest sees."""
    rows = table.read(columns=["path", "size_bytes"])
    return dict(rows.iter_rows())


def parts_of(table: Table, shard: str = "0") -> list[Path]:
    """The files of a shard, by name."""
    return sorted((table.folder / f"shard={shard}").iterdir())


def stored_part(shard: str, texts: dict[str, str], seqs: Sequence[int]) -> pl.DataFrame:
    """What a part file of vlm_captions holds: all columns and the seq of each row."""
    rows = captions(shard, texts)
    missing = [
        pl.lit(None, dtype).alias(name)
        for name, dtype in VLM_CAPTIONS.columns.items()
        if name not in rows.columns
    ]
    return rows.with_columns(missing).select(
        *VLM_CAPTIONS.columns, pl.Series("seq", seqs, pl.Int64)
    )
