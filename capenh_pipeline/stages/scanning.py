"""A scan: the files of a dataset beside what its manifest was made from."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from heapq import nsmallest
from typing import NamedTuple

import polars as pl

from capenh_pipeline.buckets import FolderBuckets, together
from capenh_pipeline.dataset.scan import FILE_STATE, Listing, images_of, list_dataset
from capenh_pipeline.dataset.units import UNIT, changed_folders, changed_units
from capenh_pipeline.domain.sidecars import unusual_names
from capenh_pipeline.models.torch_threads import usable_cores
from capenh_pipeline.stages.known_listing import FILES
from capenh_pipeline.stages.known_manifest import KnownManifest
from capenh_pipeline.stages.portion import Portion
from capenh_pipeline.stages.run import Run
from capenh_pipeline.stages.sidecar_plan import sidecars_of

FILES_FOR_TWO = 200_000
"""Of so many files that are known, more than one process lists the folders: it takes half a second
to start one."""


class _Overview(NamedTuple):
    is_news: bool
    is_noted: bool
    names: pl.DataFrame


@dataclass(frozen=True)
class Scan:
    """What a scan has found. Where nothing is known, all folders are news and all files too.

    Attributes:
        run: whose scan it is.
        listing: the images and text files of folders that are news.
        known: what it is compared with.
        began_ns: when it began, in nanoseconds since 1970.
        before: the known files of the units that are no more as they were, in the columns `FILES`.
    """

    run: Run
    listing: Listing
    known: KnownManifest | None
    began_ns: int
    before: FolderBuckets

    @property
    def is_one_portion(self) -> bool:
        """Whether all folders that are news are one portion."""
        return len(self._groups) == 1

    def portions(self) -> Iterator[Portion]:
        """Yield all folders that are news, in portions that are not large.

        One that is all there is is made once, and others each time.
        """
        if self.is_one_portion:
            yield self._whole
        else:
            yield from map(self._portion, self._groups)

    @property
    def is_news(self) -> bool:
        """Whether any file is new, changed or gone."""
        return self._overview.is_news

    @property
    def is_noted(self) -> bool:
        """Whether later runs compare with this: all is as is known.

        Files may be otherwise that are looked at again whatever their states.
        """
        return self._overview.is_noted

    @property
    def names(self) -> pl.DataFrame:
        """The unusual names among those of all images."""
        return self._overview.names

    @cached_property
    def news(self) -> pl.DataFrame:
        """The units that are not as is known."""
        units = self.listing.units
        return changed_units(units, self.known.listing.units) if self.known else units

    @cached_property
    def _overview(self) -> "_Overview":
        overview = _Overview(is_news=False, is_noted=True, names=self._known_names())
        for portion in self.portions():
            names = pl.concat([overview.names, unusual_names(portion.plan.files)])
            overview = _Overview(
                is_news=overview.is_news or portion.is_news,
                is_noted=overview.is_noted and portion.is_noted,
                names=names,
            )
        return overview._replace(names=overview.names.sort("path"))

    def _known_names(self) -> pl.DataFrame:
        """Return the unusual names in folders that are no news."""
        if self.known is None:
            return unusual_names(sidecars_of(self.run, pl.Series(dtype=pl.String)).files)
        known = self.known.listing
        news = changed_folders(known.units, self.listing.units).implode()
        folder = pl.col("path").str.extract(r"^(?s:(.*))/[^/]*$").fill_null("").cast(pl.Binary)
        return known.names.filter(~folder.is_in(news))

    @cached_property
    def _groups(self) -> list[list[int]]:
        return together(self.listing.found, self.before)

    @cached_property
    def _whole(self) -> Portion:
        return self._portion(None)

    def _portion(self, buckets: Sequence[int] | None) -> Portion:
        files, before = self.listing.files(buckets), self.before.read(buckets)
        changed = files
        if self.known:
            changed = files.join(self.news, on=UNIT, how="semi")
            changed = changed.join(before, on=FILE_STATE, how="anti")
        return Portion(
            run=self.run,
            files=files,
            before=before,
            changed=changed,
            is_known=self.known is not None,
            last=self._last,
            buckets=buckets,
        )

    @cached_property
    def _last(self) -> str | None:
        """The path of the last image within the limit, None if there is no limit."""
        limit = self.run.options.limit
        if limit is None:
            return None
        first: list[str] = []
        for buckets in self._groups:
            images = images_of(self.listing.files(buckets))
            first = nsmallest(limit, [*first, *images["path"].head(limit)])
        return first[-1]


def compared(run: Run, listing: Listing, known: KnownManifest | None, *, began_ns: int) -> Scan:
    """Return a listing beside what is known; where that cannot be told, beside nothing.

    Args:
        run: its dataset, which may have to be listed once more.
        listing: that was made with the known units.
        known: of `known_manifest`.
        began_ns: when the listing began.
    """
    before = FolderBuckets(FILES, folder=run.scratch)
    if known and not _is_told(listing, known, before):
        listing, known = list_files(run, None), None
        before = FolderBuckets(FILES, folder=run.scratch)
    return Scan(run, listing, known, began_ns, before)


def list_files(run: Run, known: KnownManifest | None) -> Listing:
    """List the dataset's files, where something is known those of folders that are news.

    Raises:
        DatasetError: the folder is missing, not a folder, or holds no image.
    """
    return list_dataset(
        run.dataset,
        recursive=run.options.recursive,
        layers=run.layers,
        skip=run.own_folders,
        known=known.listing.units if known else None,
        trust_dir_mtime=run.options.trust_dir_mtime,
        processes=_processes(run, known),
        scratch=run.scratch,
    )


def _processes(run: Run, known: KnownManifest | None) -> int:
    """Return how many are to help: where folders are trusted, hardly any is listed."""
    is_large = known is not None and known.listing.files > FILES_FOR_TWO
    return usable_cores() - 1 if is_large and not run.options.trust_dir_mtime else 0


def _is_told(listing: Listing, known: KnownManifest, before: FolderBuckets) -> bool:
    """Find the known files of units that are no more as they were; return whether all are told.

    Two names that print alike could be told only from a listing of all files.
    """
    units = known.listing.units
    gone = changed_units(units, listing.units)
    is_same = gone.is_empty() and changed_units(listing.units, units).is_empty()
    if not is_same and any((one["not_utf8"] > 0).any() for one in (units, listing.units)):
        return False
    return known.listing.append_files(gone, before)
