"""What has changed in a dataset since its manifest was made, as a sensor asks every minute."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from capenh_pipeline.dataset.scan import Listing
from capenh_pipeline.domain.identity import canonical_json, sha256_hex
from capenh_pipeline.domain.schemas import IMAGE_MANIFEST
from capenh_pipeline.domain.shards import shard_keys
from capenh_pipeline.domain.sidecars import SidecarPlan
from capenh_pipeline.stages.image_manifest import FACTS, files_to_read, rows_of
from capenh_pipeline.stages.manual_captions import caption_candidates
from capenh_pipeline.stages.run import Run
from capenh_pipeline.stages.scan_index import known_files, read_files
from capenh_pipeline.stages.settling import digest_of
from capenh_pipeline.stages.sidecar_plan import sidecars_of

SETTLED_NS = 5_000_000_000
"""A file that changed less than this before it was looked at may still be being written."""

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


def changes(run: Run, listing: Listing, *, began_ns: int) -> Changes:
    """Compare a listing with the manifest; new files are read, unless they are many.

    Args:
        run: its store is what is known so far.
        listing: of its dataset.
        began_ns: when the listing began, in nanoseconds since 1970.

    Raises:
        StoreError: the store cannot be read or written.
    """
    young = pl.col("ctime_ns").is_between(began_ns - SETTLED_NS, run.now_ns())
    images = listing.images.head(run.options.limit or listing.images.height)
    plan = sidecars_of(run, listing.images["path"])
    waiting = pl.concat([images, caption_candidates(run, plan.files, listing.texts)]).filter(young)
    settled = images.filter(~pl.col("path").is_in(_held_up(plan, waiting).implode()))
    files = files_to_read(run, plan, settled, listing.texts)
    unknown = files.height - known_files(run, files).height
    if unknown > MOST_FILES:
        key = sha256_hex(canonical_json(digest_of(files)).encode())
        return Changes(unknown, shard_keys(run.store.shard_digits), waiting.height, key)
    rows = rows_of(run, plan, read_files(run, files))
    gone_or_settled = ~pl.col("path").is_in(
        listing.images.join(settled, on="path", how="anti")["path"].implode()
    )
    stored = run.store.table(IMAGE_MANIFEST).read().filter(gone_or_settled)
    return _difference(run, rows, stored, waiting=waiting.height)


def _held_up(plan: SidecarPlan, waiting: pl.DataFrame) -> pl.Series:
    """Return the images that wait: for themselves, or for what may be their manual caption."""
    is_waiting = pl.any_horizontal(
        pl.col(name).is_in(waiting["path"].implode()) for name in ("path", "own_manual", "manual")
    )
    return plan.files.filter(is_waiting.fill_null(value=False))["path"]


def _difference(run: Run, rows: pl.DataFrame, stored: pl.DataFrame, *, waiting: int) -> Changes:
    new = rows.join(stored, on=FACTS, how="anti", nulls_equal=True)
    old = stored.join(rows.select(FACTS), on=FACTS, how="anti", nulls_equal=True)
    both = pl.concat([new.select("path", "shard_hash"), old.select("path", "shard_hash")])
    shards = both["shard_hash"].str.head(run.store.shard_digits).unique().sort()
    # a row that comes back has other times, and one that is replaced another date
    key = canonical_json([digest_of(new), digest_of(old)])
    return Changes(both["path"].n_unique(), shards.to_list(), waiting, sha256_hex(key.encode()))
