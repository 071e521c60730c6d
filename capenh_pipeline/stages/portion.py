"""A portion of a scan, small enough to be held in memory as a whole."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import polars as pl

from capenh_pipeline.dataset.scan import images_of, texts_of
from capenh_pipeline.domain.sidecars import SidecarPlan, images_beside
from capenh_pipeline.stages.known_listing import UNSETTLED
from capenh_pipeline.stages.run import Run
from capenh_pipeline.stages.sidecar_plan import sidecars_of


@dataclass(frozen=True)
class Portion:
    """Some folders of a scan, whole: what a file is to others is a matter of its folder.

    Attributes:
        run: its options count.
        files: the images and text files of the folders, as a `Listing` returns them.
        before: the known files of their units that are no more as they were.
        changed: those of `files` that have changed or are new; all, where nothing is known.
        is_known: whether anything is known.
        last: the path of the last image within the limit, None without a limit.
        buckets: those in which other rows of the folders are, None where these are all.
    """

    run: Run
    files: pl.DataFrame
    before: pl.DataFrame
    changed: pl.DataFrame
    is_known: bool
    last: str | None
    buckets: Sequence[int] | None

    @cached_property
    def images(self) -> pl.DataFrame:
        """The images, in path order, in the columns `FILE`."""
        return images_of(self.files)

    @cached_property
    def texts(self) -> pl.DataFrame:
        """The text files, as `images`."""
        return texts_of(self.files)

    @cached_property
    def gone(self) -> pl.DataFrame:
        """Those of `before` that are there no more."""
        return self.before.join(self.files, on="path", how="anti")

    @cached_property
    def plan(self) -> SidecarPlan:
        """The caption files of the images."""
        return sidecars_of(self.run, self.images["path"])

    @property
    def is_news(self) -> bool:
        """Whether any file is new, changed or gone."""
        return self.changed.height + self.gone.height > 0

    @property
    def is_noted(self) -> bool:
        """Whether all is as is known, but for files that are looked at again in any case."""
        unsettled = self.before.filter(size_bytes=UNSETTLED)
        others = self.changed.join(unsettled, on="path", how="anti")
        return self.is_known and others.is_empty() and self.gone.is_empty()

    @cached_property
    def to_look_at(self) -> pl.DataFrame:
        """The images within the limit that are news, or whose manual captions other news may be.

        They are in path order.
        """
        if not self.is_known:
            return self.images if self.last is None else self._within(self.last)
        news = pl.concat(
            [self.changed.select("path", "is_image"), self.gone.select("path", "is_image")]
        )
        beside = images_beside(
            self.images["path"],
            images=news.filter("is_image")["path"],
            texts=news.filter(~pl.col("is_image"))["path"],
            caption_suffix=self.run.options.caption_suffix,
        )
        wanted = pl.concat([self.changed["path"], beside]).implode()
        return self.images.filter(pl.col("path").is_in(wanted))

    @property
    def beyond(self) -> pl.DataFrame:
        """The images beyond the limit, as `images`."""
        return self.images.join(self.to_look_at, on="path", how="anti")

    def _within(self, last: str) -> pl.DataFrame:
        return self.images.filter(pl.col("path") <= last)
