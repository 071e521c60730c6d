"""What is noted of a manifest that was built, so that the next run goes by changes alone."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import polars as pl

from capenh_pipeline.dataset.units import UNIT
from capenh_pipeline.stages.known_listing import (
    FILES,
    RACY_NS,
    UNSETTLED,
    KeptFiles,
    save_listing,
    untrusted,
)
from capenh_pipeline.stages.known_manifest import Counts, note_manifest
from capenh_pipeline.stages.manifest_reading import Reading
from capenh_pipeline.stages.portion import Portion
from capenh_pipeline.stages.run import Run
from capenh_pipeline.stages.scan_index import is_settled
from capenh_pipeline.stages.scanning import Scan
from capenh_pipeline.stages.settling import may_settle


@dataclass(frozen=True)
class Built:
    """A manifest that was brought up to date.

    Attributes:
        touched: shards that had to change.
        counts: of each shard, those of earlier runs among them.
        parts: names of the parts of each shard, None where they are not what was stored.
    """

    touched: frozenset[str]
    counts: Counts
    parts: dict[str, list[str] | None]

    @classmethod
    def after(cls, scan: Scan, touched: Iterable[str]) -> Self:
        """Return what is known of the shards, before those that are touched have changed."""
        counts = {**scan.known.counts} if scan.known else {}
        return cls(frozenset(touched), counts, {**scan.known.parts} if scan.known else {})


class ListingNote:
    """What a scan has found, as later runs compare with it; taken portion by portion."""

    def __init__(self, run: Run, scan: Scan) -> None:
        """Begin with nothing."""
        self._run = run
        self._scan = scan
        self._files = KeptFiles(run.scratch)
        self._unsettled: set[bytes] = set()  # folders
        self._is_whole = True

    def add(self, portion: Portion, reading: Reading) -> None:
        """Take the files of a portion.

        Args:
            portion: them.
            reading: what is new in it.
        """
        if not may_settle(self._run):
            return
        files = portion.files.join(self._scan.news, on=UNIT, how="semi")
        unsettled = self._unsettled_of(portion, reading)
        self._is_whole &= unsettled.is_in(files["path"].implode()).all()
        is_unsettled = pl.col("path").is_in(unsettled.implode())
        size = pl.when(is_unsettled).then(UNSETTLED).otherwise("size_bytes")
        kept = _with_shards(files, reading.rows, portion.before).with_columns(size_bytes=size)
        self._unsettled.update(kept.filter(size_bytes=UNSETTLED)["folder"])
        self._files.add(kept)

    def settle(self, built: Built) -> bool:
        """Note what the manifest was made from, if the run covered all that had to change.

        Nothing is noted either where that is known already. Return whether it was noted.

        Raises:
            StoreError: the disk is full or cannot be written.
        """
        run, scan = self._run, self._scan
        parts = {shard: names for shard, names in built.parts.items() if names is not None}
        is_whole = built.touched <= {*run.shards} and parts.keys() == built.counts.keys()
        if not (self._is_whole and is_whole and self._is_news()):
            return False
        known = scan.known.listing if scan.known else None
        folder = run.known_listings
        name = save_listing(folder, self._units(), self._files, scan.names, before=known)
        if name is None:
            return False
        note_manifest(run, name, _again(built.counts), parts)
        return True

    def _is_news(self) -> bool:
        """Return whether there is more to note than is known."""
        scan = self._scan
        if scan.known is None or scan.is_news:
            return True
        states = ["folder", "mtime_ns", "ctime_ns"]
        known = scan.known.listing.units.select(states)
        has_other_times = not scan.listing.units.join(known, on=states, how="anti").is_empty()
        return self._run.options.trust_dir_mtime and has_other_times

    def _unsettled_of(self, portion: Portion, reading: Reading) -> pl.Series:
        """Return the paths of files that are to be looked at again, though their states stay.

        What they hold is not known, or they changed so shortly before the scan that they may
        change again without a trace.
        """
        known = reading.content.filter(is_settled(reading.content))
        unread = portion.changed.join(reading.files, on="path", how="anti")
        is_young = pl.col("ctime_ns") > self._scan.began_ns - RACY_NS
        return pl.concat(
            [
                reading.files.join(known, on="path", how="anti")["path"],
                unread.filter(is_young | (pl.col("size_bytes") < 0))["path"],
            ]
        )

    def _units(self) -> pl.DataFrame:
        """Return the units, without the times of folders that are to be listed again."""
        unsettled = pl.Series([*self._unsettled], dtype=pl.Binary).implode()
        is_unsettled = pl.col("folder").is_in(unsettled)
        return untrusted(self._scan.listing.units, is_unsettled, began_ns=self._scan.began_ns)


def _with_shards(files: pl.DataFrame, rows: pl.DataFrame, before: pl.DataFrame) -> pl.DataFrame:
    """Return files with the shards of their rows in the manifest, in the columns `FILES`."""
    now = rows.select("path", shard=pl.col("shard_hash").str.head(2))
    shards = pl.concat([now, before.select("path", "shard")]).unique("path", keep="first")
    return files.join(shards, on="path", how="left").select(*FILES)


def _again(counts: Counts) -> Counts:
    """Return the counts of a run that finds all as it is now."""
    return {
        shard: {**some, "computed": 0, "reused": some["images"]} for shard, some in counts.items()
    }
