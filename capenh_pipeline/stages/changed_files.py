"""Caption files that have changed on disk: their shards are to be looked at by the export."""

from collections.abc import Iterator

import polars as pl

from capenh_pipeline.dataset.units import UNIT
from capenh_pipeline.domain.schemas import CAPTION_FILES
from capenh_pipeline.domain.sidecars import OUTPUTS, SidecarPlan, all_comparable
from capenh_pipeline.stages.known_manifest import KnownManifest
from capenh_pipeline.stages.run import Run
from capenh_pipeline.stages.scanning import Scan


def look_again_at_changed_files(run: Run, scan: Scan) -> None:
    """Unsettle the shards of images whose caption files have changed or have other names now.

    A change is seen once: this comes before what was seen is noted as known. Who made it is
    nothing to this: a run of other options may have written what these options do not want.

    Raises:
        StoreError: the disk is full or cannot be written.
    """
    if scan.known and not scan.is_news:
        return
    shards = _shards(run, scan, scan.known) if scan.known else None
    run.store.settled(CAPTION_FILES.name).forget(shards)


def _shards(run: Run, scan: Scan, known: KnownManifest) -> list[str] | None:
    """Return the shards, None for all of them where they cannot be told."""
    texts = [files.filter(~pl.col("is_image"))["path"] for files in (scan.changed, scan.gone)]
    paths = [
        _images_of(scan.plan, pl.concat(texts)),
        *_of_other_names(known.listing.names, scan.names),
    ]
    is_meant = pl.col("path").is_in(pl.concat(paths).implode())
    units = scan.listing.files.filter(is_meant).select(UNIT)
    beside = known.listing.files_of(known.listing.units.join(units, on=UNIT, how="semi"))
    if beside is None:
        return None
    shards = pl.concat([beside, scan.before]).filter(is_meant)["shard"].drop_nulls()
    return shards.str.head(run.store.shard_digits).unique().to_list()


def _images_of(plan: SidecarPlan, texts: pl.Series) -> pl.Series:
    """Return the images whose caption files some texts are, if only to some file systems."""
    outputs = plan.files.select("path", OUTPUTS).unpivot(index="path", value_name="output")
    outputs = outputs.drop_nulls("output")
    is_one = all_comparable(outputs["output"]).is_in(all_comparable(texts).implode())
    return outputs.filter(is_one)["path"]


def _of_other_names(before: pl.DataFrame, now: pl.DataFrame) -> Iterator[pl.Series]:
    """Yield the paths of images whose unusual names are news, or are no more."""
    for one, other in ((before, now), (now, before)):
        yield one.join(other, on=now.columns, how="anti", nulls_equal=True)["path"]
