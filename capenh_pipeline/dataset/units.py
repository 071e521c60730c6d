"""Units: the files of a folder, or of one part of a large folder, told apart by a digest."""

import polars as pl

UNIT_FILES = 8192
"""A folder of more files than twice this is of several parts: what is kept of one part is small."""

UNIT = ["folder", "part", "parts"]
"""Columns that name a unit: `folder` (relative, as bytes; empty is the dataset's own), and which of
how many parts of its files it is."""

_SEEN = [*UNIT, "files", "digest"]

UNITS = {
    "folder": pl.Binary,
    "mtime_ns": pl.Int64,  # of the folder, as `ctime_ns`
    "ctime_ns": pl.Int64,
    "part": pl.UInt32,
    "parts": pl.UInt32,
    "files": pl.UInt32,  # images and texts
    "images": pl.UInt32,
    "not_utf8": pl.UInt32,  # files whose paths are not
    "digest": pl.UInt64,
}
"""Columns of the units of a `Listing`; a folder without files has one unit of none."""


def with_units(files: pl.DataFrame) -> pl.DataFrame:
    """Return files, of whole folders, with the columns `part` and `parts`.

    The part of a file depends on its path and on how many files its folder has, to the nearest
    power of two.
    """
    size = pl.len().over("folder")
    parts = pl.lit(2.0).pow((size / UNIT_FILES).log(2).floor().clip(lower_bound=0))
    part = pl.col("path").hash(0) % pl.col("parts")
    files = files.with_columns(parts=parts.cast(pl.UInt32))
    return files.with_columns(part=part.cast(pl.UInt32))


def digests(files: pl.DataFrame) -> pl.DataFrame:
    """Return `UNIT`, `files`, `images`, `not_utf8` and `digest` of each unit.

    Args:
        files: in the columns of a `Listing` and of `with_units`, and `is_image`.
    """
    state = files.select("path", "path_bytes", "size_bytes", "mtime_ns", "ctime_ns")
    count = {"files": pl.len(), "images": pl.col("is_image").sum()}
    return (
        files.select(*UNIT, "is_image", "path_bytes")
        .with_columns(state.hash_rows(seed=1).alias("digest"))
        .group_by(UNIT)
        .agg(**count, not_utf8=pl.col("path_bytes").count(), digest=pl.col("digest").sum())
        .cast({name: UNITS[name] for name in ("files", "images", "not_utf8", "digest")})
    )


def changed_units(units: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """Return those of `units` that are not the same among `known` ones."""
    return units.join(known, on=_SEEN, how="anti")


def changed_folders(units: pl.DataFrame, known: pl.DataFrame) -> pl.Series:
    """Return the folders of `units` whose files are not the same in `known`."""
    now, before = (_by_folder(one) for one in (units, known))
    return now.join(before, on=now.columns, how="anti")["folder"]


def _by_folder(units: pl.DataFrame) -> pl.DataFrame:
    return units.group_by("folder").agg(pl.col("files").sum(), pl.col("digest").sum())
