"""What has changed in a dataset since its manifest was made, as a sensor asks every minute."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from capenh_pipeline.domain.identity import canonical_json, sha256_hex
from capenh_pipeline.domain.schemas import IMAGE_MANIFEST
from capenh_pipeline.domain.shards import shard_keys
from capenh_pipeline.domain.sidecars import SidecarPlan
from capenh_pipeline.stages.image_manifest import FACTS, rows_to_replace
from capenh_pipeline.stages.manifest_reading import files_to_read, read_images
from capenh_pipeline.stages.run import Run
from capenh_pipeline.stages.scan_index import known_files
from capenh_pipeline.stages.scanning import Scan
from capenh_pipeline.stages.settling import digest_of

SETTLED_NS = 5_000_000_000
"""A file that changed less than this before it was looked at may still be being written, or an
object's caption may still be on its way."""

MOST_FILES = 500
"""New files that are read to find their shards; of more, some are in every shard anyway."""


@dataclass(frozen=True)
class Changes:
    """What a run would change in the manifest.

    Attributes:
        images: new, changed and gone images, as far as they are counted.
        shards: where they are, in order.
        waiting: files that may still be being written, which wait.
        key: identity of the change: it differs whenever another file does.
    """

    images: int
    shards: Sequence[str]
    waiting: int
    key: str


def changes(run: Run, scan: Scan) -> Changes:
    """Return what a run would change; new files are read, unless they are many.

    Args:
        run: its store is what is known so far.
        scan: of its dataset.

    Raises:
        StoreError: the store cannot be read or written.
    """
    images = scan.images_to_look_at(run.options.caption_suffix)
    images = images.head(run.options.limit or images.height)
    times = pl.col("mtime_ns", "ctime_ns")  # an object's mtime alone is a time
    young = pl.any_horizontal(times.is_between(scan.began_ns - SETTLED_NS, run.now_ns()))
    waiting = files_to_read(run, scan, images).filter(young)
    settled = images.filter(~pl.col("path").is_in(_held_up(scan.plan, waiting).implode()))
    files = files_to_read(run, scan, settled)
    unknown = files.height - known_files(run, files).height
    if unknown > MOST_FILES:
        key = sha256_hex(canonical_json(digest_of(files)).encode())
        return Changes(unknown, shard_keys(run.store.shard_digits), waiting.height, key)
    rows = read_images(run, scan, settled).rows
    stored = _stored(run, scan, settled, rows)
    return _difference(run, rows, stored, waiting=waiting.height)


def _held_up(plan: SidecarPlan, waiting: pl.DataFrame) -> pl.Series:
    """Return the images that wait: for themselves, or for what may be their manual caption."""
    is_waiting = pl.any_horizontal(
        pl.col(name).is_in(waiting["path"].implode()) for name in ("path", "own_manual", "manual")
    )
    return plan.files.filter(is_waiting.fill_null(value=False))["path"]


def _stored(run: Run, scan: Scan, images: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rows that the manifest has in the place of `rows`, and of images that are gone."""
    table = run.store.table(IMAGE_MANIFEST)
    if scan.known is None:
        left_alone = scan.listing.images.join(images, on="path", how="anti")
        return table.read().join(left_alone, on="path", how="anti")
    replaced = rows_to_replace(run, scan, images)
    shards = [*replaced["shard"].drop_nulls(), *rows["shard_hash"].str.head(run.store.shard_digits)]
    return table.read(shards).join(replaced, on="path", how="semi")


def _difference(run: Run, rows: pl.DataFrame, stored: pl.DataFrame, *, waiting: int) -> Changes:
    new = rows.join(stored, on=FACTS, how="anti", nulls_equal=True)
    old = stored.join(rows.select(FACTS), on=FACTS, how="anti", nulls_equal=True)
    both = pl.concat([new.select("path", "shard_hash"), old.select("path", "shard_hash")])
    shards = both["shard_hash"].str.head(run.store.shard_digits).unique().sort()
    # a row that comes back has other times, and one that is replaced another date
    key = canonical_json([digest_of(new), digest_of(old)])
    return Changes(both["path"].n_unique(), shards.to_list(), waiting, sha256_hex(key.encode()))
