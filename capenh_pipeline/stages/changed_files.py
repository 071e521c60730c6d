"""Caption files that have changed on disk: their shards are to be looked at by the export."""

import polars as pl

from capenh_pipeline.dataset.scan import FILE, FILE_STATE
from capenh_pipeline.domain.schemas import CAPTION_FILES
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
    hashes = pl.concat([_of_other_files(run, scan), _of_other_names(run, scan, known)])
    return hashes.drop_nulls().str.head(run.store.shard_digits).unique().to_list()


def _of_other_files(run: Run, scan: Scan) -> pl.Series:
    files = pl.concat([scan.changed.select(*FILE, "is_image"), scan.gone.select(*FILE, "is_image")])
    ledger = ledger_of(run, files.filter(~pl.col("is_image")))
    written = ledger.join(scan.changed, on=FILE_STATE, how="semi")
    return ledger.join(written, on="path", how="anti")["image_hash"]


def _of_other_names(run: Run, scan: Scan, known: KnownManifest) -> pl.Series:
    before, now = known.listing.names, scan.names
    columns = now.columns
    paths = [
        one.join(other, on=columns, how="anti", nulls_equal=True)["path"]
        for one, other in ((before, now), (now, before))
    ]
    images = scan.listing.images
    named = images.filter(pl.col("path").is_in(pl.concat(paths).implode()))
    return known_files(run, named)["image_hash"]
