"""A scan: the files of a dataset beside what its manifest was made from."""

from dataclasses import dataclass, field

import polars as pl

from capenh_pipeline.dataset.scan import FILE_STATE, Listing, list_dataset
from capenh_pipeline.dataset.units import UNIT, changed_folders, changed_units
from capenh_pipeline.domain.sidecars import SidecarPlan, images_beside, unusual_names
from capenh_pipeline.models.torch_threads import usable_cores
from capenh_pipeline.stages.known_listing import FILES, UNSETTLED
from capenh_pipeline.stages.known_manifest import KnownManifest
from capenh_pipeline.stages.run import Run
from capenh_pipeline.stages.sidecar_plan import sidecars_of

FILES_FOR_TWO = 200_000
"""Of so many files that are known, more than one process lists the folders: it takes half a second
to start one."""


@dataclass(frozen=True)
class Scan:
    """What a scan has found. Where nothing is known, all folders are news and all files too.

    Attributes:
        listing: the images and text files of folders that are news.
        known: what it is compared with.
        began_ns: when it began, in nanoseconds since 1970.
        before: the known files of the units that are no more as they were.
        plan: the caption files of the images of `listing`.
        names: the unusual names among those of all images.
    """

    listing: Listing
    known: KnownManifest | None
    began_ns: int
    before: pl.DataFrame
    plan: SidecarPlan
    names: pl.DataFrame
    changed: pl.DataFrame = field(init=False)
    gone: pl.DataFrame = field(init=False)

    def __post_init__(self) -> None:
        """Find what has `changed` (or is new) of the listing, and what of `before` is `gone`."""
        changed, gone = self.listing.files, self.before
        if self.known:
            news = changed_units(self.listing.units, self.known.listing.units)
            changed = changed.join(news, on=UNIT, how="semi")
            changed = changed.join(self.before, on=FILE_STATE, how="anti")
            gone = gone.join(self.listing.files, on="path", how="anti")
        object.__setattr__(self, "changed", changed)
        object.__setattr__(self, "gone", gone)

    @property
    def is_news(self) -> bool:
        """Whether any file is new, changed or gone."""
        return self.changed.height + self.gone.height > 0

    @property
    def is_noted(self) -> bool:
        """Whether later runs compare with this: all is as is known.

        Files may be otherwise that are looked at again whatever their states.
        """
        unsettled = self.before.filter(size_bytes=UNSETTLED)
        others = self.changed.join(unsettled, on="path", how="anti")
        return self.known is not None and others.is_empty() and self.gone.is_empty()

    def images_to_look_at(self, caption_suffix: str) -> pl.DataFrame:
        """Return the images that are news, or whose manual captions other news may be.

        They are in path order.
        """
        images = self.listing.images
        if self.known is None:
            return images
        news = pl.concat(
            [self.changed.select("path", "is_image"), self.gone.select("path", "is_image")]
        )
        beside = images_beside(
            images["path"],
            images=news.filter("is_image")["path"],
            texts=news.filter(~pl.col("is_image"))["path"],
            caption_suffix=caption_suffix,
        )
        wanted = pl.concat([self.changed["path"], beside]).implode()
        return images.filter(pl.col("path").is_in(wanted))


def compared(run: Run, listing: Listing, known: KnownManifest | None, *, began_ns: int) -> Scan:
    """Return a listing beside what is known; where that cannot be told, beside nothing.

    Args:
        run: its dataset, which may have to be listed once more.
        listing: that was made with the known units.
        known: of `known_manifest`.
        began_ns: when the listing began.
    """
    before = _before(listing, known) if known else pl.DataFrame(schema=FILES)
    if before is None:
        listing, known, before = list_files(run, None), None, pl.DataFrame(schema=FILES)
    plan = sidecars_of(run, listing.images["path"])
    return Scan(
        listing=listing,
        known=known,
        began_ns=began_ns,
        before=before,
        plan=plan,
        names=_names(listing, plan, known),
    )


def list_files(run: Run, known: KnownManifest | None) -> Listing:
    """List the dataset's files, where something is known those of folders that are news.

    Raises:
        DatasetError: the folder is missing, not a folder, or holds no image.
    """
    return list_dataset(
        run.dataset,
        recursive=run.options.recursive,
        skip=run.own_folders,
        known=known.listing.units if known else None,
        trust_dir_mtime=run.options.trust_dir_mtime,
        processes=_processes(run, known),
    )


def _processes(run: Run, known: KnownManifest | None) -> int:
    """Return how many are to help: where folders are trusted, hardly any is listed."""
    is_large = known is not None and known.listing.files > FILES_FOR_TWO
    return usable_cores() - 1 if is_large and not run.options.trust_dir_mtime else 0


def _before(listing: Listing, known: KnownManifest) -> pl.DataFrame | None:
    """Return the known files of units that are no more as they were, None if they cannot be told.

    Two names that print alike could be told only from a listing of all files.
    """
    units = known.listing.units
    gone = changed_units(units, listing.units)
    is_same = gone.is_empty() and changed_units(listing.units, units).is_empty()
    if not is_same and any((one["not_utf8"] > 0).any() for one in (units, listing.units)):
        return None
    return known.listing.files_of(gone)


def _names(listing: Listing, plan: SidecarPlan, known: KnownManifest | None) -> pl.DataFrame:
    names = unusual_names(plan.files)
    if known is None:
        return names
    news = changed_folders(known.listing.units, listing.units).implode()
    folder = pl.col("path").str.extract(r"^(?s:(.*))/[^/]*$").fill_null("").cast(pl.Binary)
    return pl.concat([known.listing.names.filter(~folder.is_in(news)), names]).sort("path")
