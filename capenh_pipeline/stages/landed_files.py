"""What has changed in a dataset since its manifest was made, as a sensor asks every minute."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from capenh_pipeline.domain.identity import canonical_json, sha256_hex
from capenh_pipeline.domain.schemas import IMAGE_MANIFEST
from capenh_pipeline.domain.shards import shard_keys
from capenh_pipeline.domain.sidecars import SidecarPlan
from capenh_pipeline.stages.ledger import FileRows
from capenh_pipeline.stages.manifest_news import FACTS, rows_to_replace
from capenh_pipeline.stages.manifest_reading import Reader, files_to_read
from capenh_pipeline.stages.portion import Portion
from capenh_pipeline.stages.run import Run
from capenh_pipeline.stages.scanning import Scan
from capenh_pipeline.stages.settling import NO_DIGEST, Digest, with_digest

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
    look = _Look(run, scan)
    for portion in scan.portions():
        look.count(portion)
    if look.unknown > MOST_FILES:
        every = shard_keys(run.store.shard_digits)
        return Changes(look.unknown, every, look.waiting, _key([look.files]))
    with look.reader:
        for portion in scan.portions():
            look.compare(portion)
    shards = sorted(look.shards)
    # a row that comes back has other times, and one that is replaced another date
    return Changes(look.changed, shards, look.waiting, _key([look.new, look.old]))


class _Look:
    """What is found portion by portion; `files`, `new` and `old` are digests."""

    def __init__(self, run: Run, scan: Scan) -> None:
        self.reader = Reader(run, scan)
        self.unknown = self.waiting = self.changed = 0
        self.shards: set[str] = set()
        self.files, self.new, self.old = NO_DIGEST, NO_DIGEST, NO_DIGEST
        self._run = run
        self._scan = scan
        self._now_ns = run.now_ns()
        self._manifest = FileRows(run, IMAGE_MANIFEST, columns=[*IMAGE_MANIFEST.columns])

    def count(self, portion: Portion) -> None:
        """Count the files that wait, and those of the others that are not known."""
        waiting = self._waiting(portion)
        self.waiting += waiting.height
        files = files_to_read(self._run, portion, _settled(portion, waiting))
        self.unknown += files.height - self.reader.index.known(files).height
        self.files = with_digest(self.files, files)

    def compare(self, portion: Portion) -> None:
        """Find the rows that differ from those in the manifest; new files are read."""
        images = _settled(portion, self._waiting(portion))
        rows = self.reader.read(portion, images).rows
        stored = self._stored(portion, images, rows)
        new = rows.join(stored, on=FACTS, how="anti", nulls_equal=True)
        old = stored.join(rows.select(FACTS), on=FACTS, how="anti", nulls_equal=True)
        self.new, self.old = with_digest(self.new, new), with_digest(self.old, old)
        both = pl.concat([new.select("path", "shard_hash"), old.select("path", "shard_hash")])
        self.shards.update(both["shard_hash"].str.head(self._run.store.shard_digits))
        self.changed += both["path"].n_unique()

    def _waiting(self, portion: Portion) -> pl.DataFrame:
        times = pl.col("mtime_ns", "ctime_ns")  # an object's mtime alone is a time
        since = self._scan.began_ns - SETTLED_NS
        is_young = pl.any_horizontal(times.is_between(since, self._now_ns))
        return files_to_read(self._run, portion, portion.to_look_at).filter(is_young)

    def _stored(self, portion: Portion, images: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
        """Return what the manifest has in the place of `rows`, and of images that are gone."""
        if self._scan.known is None:
            left_alone = portion.images.join(images, on="path", how="anti")
            rows_there = self._manifest.by_folder.read(portion.buckets)
            return rows_there.join(left_alone, on="path", how="anti")
        replaced = rows_to_replace(portion, rows)
        shards = pl.concat([replaced["shard"], rows["shard_hash"]])
        keys = shards.str.head(self._run.store.shard_digits).unique().to_list()
        return self._manifest.among(keys, replaced)


def _settled(portion: Portion, waiting: pl.DataFrame) -> pl.DataFrame:
    """Return the images to look at that do not wait."""
    held_up = _held_up(portion.plan, waiting)
    return portion.to_look_at.filter(~pl.col("path").is_in(held_up.implode()))


def _held_up(plan: SidecarPlan, waiting: pl.DataFrame) -> pl.Series:
    """Return the images that wait: for themselves, or for what may be their manual caption."""
    is_waiting = pl.any_horizontal(
        pl.col(name).is_in(waiting["path"].implode()) for name in ("path", "own_manual", "manual")
    )
    return plan.files.filter(is_waiting.fill_null(value=False))["path"]


def _key(digests: list[Digest]) -> str:
    return sha256_hex(canonical_json(digests).encode())
