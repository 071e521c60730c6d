"""The manifest: which images the dataset holds, and what people wrote about them."""

import polars as pl

from capenh_pipeline.domain.schemas import FAILED, IMAGE_MANIFEST
from capenh_pipeline.domain.shards import shard_keys
from capenh_pipeline.domain.sidecars import name_warnings
from capenh_pipeline.stages.manifest_note import Built, settle
from capenh_pipeline.stages.manifest_reading import read_images
from capenh_pipeline.stages.run import Report, Run
from capenh_pipeline.stages.run_scan import begin_scan, is_noted_now
from capenh_pipeline.stages.scanning import Scan
from capenh_pipeline.stages.settling import may_settle

FACTS = [name for name in IMAGE_MANIFEST.columns if name != "scanned_at"]
"""Columns of the manifest that say something about a file."""


def build_image_manifest(run: Run) -> Report:
    """Bring the manifest of the run's shards up to date with the dataset folder.

    Only images that are new or changed since the manifest was made, and images beside such files,
    are looked at, and only the shards that hold or held one of them are read. A file is opened only
    if its content is not known. Files that are gone leave the manifest; with `limit`, files beyond
    it stay in it.

    Raises:
        DatasetError: the folder is missing, not a folder, or holds no image.
    """
    scan = begin_scan(run)
    images = scan.images_to_look_at(run.options.caption_suffix)
    reading = read_images(run, scan, images.head(run.options.limit or images.height))
    built = _replace_shards(run, scan, images, reading.rows)
    if may_settle(run) and settle(run, scan, built, reading):
        is_noted_now(run)
    report = Report({shard: built.counts[shard] for shard in run.shards})
    report.warnings += [*scan.listing.warnings, *name_warnings(scan.names)]
    return report


def rows_to_replace(run: Run, scan: Scan, images: pl.DataFrame) -> pl.DataFrame:
    """Return `path` and `shard` of the rows of the manifest that the rows of `images` replace.

    Those of images that are gone are among them. The shard is null where no row is known.
    """
    known = scan.before.select("path", pl.col("shard").str.head(run.store.shard_digits))
    paths = pl.concat([images.select("path"), scan.gone.select("path")])
    return paths.join(known, on="path", how="left")


def _replace_shards(run: Run, scan: Scan, images: pl.DataFrame, rows: pl.DataFrame) -> Built:
    """Store the rows of `images` in the run's shards, in the place of what was known of them.

    Where nothing is known, they are the whole manifest but for images beyond the limit.
    """
    before = rows_to_replace(run, scan, images)
    shard = pl.col("shard_hash").str.head(run.store.shard_digits)
    by_shard = {str(key): some for (key,), some in rows.group_by(shard.alias("shard"))}
    touched, stays = {*shard_keys(run.store.shard_digits)}, _is_beyond_limit(run, images)
    if scan.known:
        touched = {*by_shard, *before["shard"].drop_nulls()}
        stays = ~pl.col("path").is_in(before["path"].implode())
    built = Built.after(scan, touched)
    for key in sorted(touched.intersection(run.shards)):
        some = by_shard.get(key, rows.clear()).select(FACTS)
        known = scan.known.parts[key] if scan.known else None
        replaced = _replace(run, key, some, stays=stays, known=known)
        built.counts[key], built.parts[key] = replaced
    return built


def _is_beyond_limit(run: Run, images: pl.DataFrame) -> pl.Expr:
    limit = run.options.limit
    beyond = images["path"].slice(limit) if limit else images["path"].clear()
    return pl.col("path").is_in(beyond.implode())


def _replace(
    run: Run, shard: str, rows: pl.DataFrame, *, stays: pl.Expr, known: list[str] | None
) -> tuple[dict[str, int], list[str] | None]:
    """Store rows in a shard beside those that stay.

    Args:
        run: its store.
        shard: its key.
        rows: the new ones.
        stays: which rows stay.
        known: names of the parts that have these, None if they may be any.

    Returns:
        The counts of the shard, and the names of its parts, None if they are not what was stored,
        or another run has changed the rows that stay.
    """
    table = run.store.table(IMAGE_MANIFEST)
    before = table.read([shard])
    is_known = known is None or table.part_names([shard])[shard] == known
    now = pl.lit(run.now()).cast(IMAGE_MANIFEST.columns["scanned_at"])
    matched = rows.join(before, on=FACTS, how="left", nulls_equal=True)
    dated = matched.with_columns(pl.col("scanned_at").fill_null(now))
    staying = before.filter(stays)
    everything = pl.concat([dated.select(*IMAGE_MANIFEST.columns), staying])
    table.replace(shard, everything)
    parts, stored = table.part_names([shard])[shard], table.read([shard])
    is_ours = stored.sort("path").equals(everything.sort("path"))
    counted = rows if run.options.limit else everything
    new = matched["scanned_at"].null_count()
    counts = {
        "images": counted.height,
        "computed": new,
        "reused": counted.height - new,
        "failed": counted.filter(pl.col("status") == FAILED).height,
    }
    return counts, parts if is_ours and is_known else None
