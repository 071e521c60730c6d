"""Caption files that have changed on disk: their shards are to be looked at by the export."""

import polars as pl

from capenh_pipeline.dataset.units import UNIT
from capenh_pipeline.domain.schemas import CAPTION_FILES
from capenh_pipeline.domain.shards import shard_keys
from capenh_pipeline.domain.sidecars import OUTPUTS, SidecarPlan, all_comparable
from capenh_pipeline.stages.known_manifest import KnownManifest
from capenh_pipeline.stages.portion import Portion
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
    renamed = _of_other_names(known.listing.names, scan.names)
    shards: set[str] = set()
    for portion in scan.portions():
        found = _shards_of(portion, renamed, known)
        if found is None:
            return None
        shards.update(found.str.head(run.store.shard_digits))
        if len(shards) == len(shard_keys(run.store.shard_digits)):
            break
    return sorted(shards)


def _shards_of(portion: Portion, renamed: pl.Series, known: KnownManifest) -> pl.Series | None:
    """Return two digits of the shards of those images of a portion that are meant."""
    texts = [files.filter(~pl.col("is_image"))["path"] for files in (portion.changed, portion.gone)]
    paths = pl.concat([_images_of(portion.plan, pl.concat(texts)), renamed])
    is_meant = pl.col("path").is_in(paths.implode())
    units = portion.files.filter(is_meant).select(UNIT)
    beside = known.listing.files_of(known.listing.units.join(units, on=UNIT, how="semi"))
    if beside is None:
        return None
    return pl.concat([beside, portion.before]).filter(is_meant)["shard"].drop_nulls()


def _images_of(plan: SidecarPlan, texts: pl.Series) -> pl.Series:
    """Return the images whose caption files some texts are, if only to some file systems."""
    outputs = plan.files.select("path", OUTPUTS).unpivot(index="path", value_name="output")
    outputs = outputs.drop_nulls("output")
    is_one = all_comparable(outputs["output"]).is_in(all_comparable(texts).implode())
    return outputs.filter(is_one)["path"]


def _of_other_names(before: pl.DataFrame, now: pl.DataFrame) -> pl.Series:
    """Return the paths of images whose unusual names are news, or are no more."""
    pairs = ((before, now), (now, before))
    changed = [
        one.join(other, on=now.columns, how="anti", nulls_equal=True) for one, other in pairs
    ]
    return pl.concat(changed)["path"]
