"""The listing of the last scan, for `trust_dir_mtime`: folders that are the same are not listed."""

import io
from pathlib import Path

import polars as pl

from capenh_pipeline.dataset.scan import Listing
from capenh_pipeline.files import make_folder, write_atomically
from capenh_pipeline.tables.faults import writing

RACY_NS = 2_000_000_000
"""What changed less than this before it was looked at may change again with the same time stamps
(git's rule for its index), so it is looked at once more next time. ctime tells when: nobody can
set it."""

_COLUMNS = ["path", "path_bytes", "size_bytes", "mtime_ns", "ctime_ns"]


def load_listing(path: Path) -> Listing | None:
    """Return the listing that is kept in a file; None if there is none or it is damaged."""
    try:
        rows = pl.read_parquet(path)
        images, texts, folders = (rows.filter(kind=kind) for kind in range(3))
        folders = folders.select(pl.col("path_bytes").alias("folder"), "mtime_ns", "ctime_ns")
        return Listing(images.select(_COLUMNS), texts.select(_COLUMNS), folders)
    except (OSError, pl.exceptions.PolarsError):
        return None


def save_listing(path: Path, listing: Listing, *, began_ns: int) -> None:
    """Keep a listing in a file, which is one so that its parts are of one time.

    Args:
        path: the file.
        listing: what was found.
        began_ns: when the scan began, in nanoseconds since 1970.

    Raises:
        StoreError: the disk is full or cannot be written.
    """
    settled = pl.max_horizontal("mtime_ns", "ctime_ns") < began_ns - RACY_NS
    times = [pl.when(settled).then(name).otherwise(-1).alias(name) for name in _COLUMNS[3:]]
    folders = listing.folders.select(pl.col("folder").alias("path_bytes"), *times)
    kinds = [listing.images, listing.texts, folders]
    tagged = [rows.with_columns(kind=pl.lit(kind, pl.Int8)) for kind, rows in enumerate(kinds)]
    content = io.BytesIO()
    pl.concat(tagged, how="diagonal").write_parquet(content, compression="zstd")
    with writing(path):
        make_folder(path.parent)
        write_atomically(path, content.getvalue())
