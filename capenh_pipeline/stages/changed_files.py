"""Caption files that have changed on disk: their shards are to be looked at by the export."""

from collections.abc import Iterator

import polars as pl

from capenh_pipeline.dataset.scan import FILE, FILE_STATE
from capenh_pipeline.domain.schemas import CAPTION_FILES
from capenh_pipeline.domain.sidecars import OUTPUTS
from capenh_pipeline.stages.known_manifest import KnownManifest
from capenh_pipeline.stages.ledger import ledger_of
from capenh_pipeline.stages.run import Run
from capenh_pipeline.stages.scan_index import known_files
from capenh_pipeline.stages.scanning import Scan


def look_again_at_changed_files(run: Run, scan: Scan) -> None:
    """Unsettle the shards of images whose caption files have changed or have other names now.

    A change is seen once: this comes before what was seen is noted as known. A file that is as we
    have written it has not changed.

    Raises:
        StoreError: the store cannot be read, or the disk is full or cannot be written.
    """
    if scan.known and not scan.is_news:
        return
    settled = run.store.settled(CAPTION_FILES.name)
    settled.forget(_shards(run, scan, scan.known) if scan.known else None)
    settled.save()


def _shards(run: Run, scan: Scan, known: KnownManifest) -> list[str]:
    files = _changed_texts(run, scan).implode()
    has_one = pl.any_horizontal(OUTPUTS.is_in(files)).fill_null(value=False)
    paths = [
        scan.plan.files.filter(has_one)["path"],
        *_of_other_names(known.listing.names, scan.names),
    ]
    is_meant = pl.col("path").is_in(pl.concat(paths).implode())
    hashes = known_files(run, scan.listing.images.filter(is_meant))["image_hash"]
    shards = pl.concat([hashes, scan.before.filter(is_meant)["shard"]]).drop_nulls()
    return shards.str.head(run.store.shard_digits).unique().to_list()


def _changed_texts(run: Run, scan: Scan) -> pl.Series:
    """Return the paths of text files that are news, but for those that are as we wrote them."""
    columns = [*FILE, "is_image"]
    files = pl.concat([scan.changed.select(columns), scan.gone.select(columns)])
    texts = files.filter(~pl.col("is_image"))
    ledger = ledger_of(run, texts, columns=FILE_STATE)
    written = ledger.join(scan.changed, on=FILE_STATE, how="semi")
    return texts.join(written, on="path", how="anti")["path"]


def _of_other_names(before: pl.DataFrame, now: pl.DataFrame) -> Iterator[pl.Series]:
    """Yield the paths of images whose unusual names are news, or are no more."""
    for one, other in ((before, now), (now, before)):
        yield one.join(other, on=now.columns, how="anti", nulls_equal=True)["path"]
