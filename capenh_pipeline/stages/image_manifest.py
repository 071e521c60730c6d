"""The manifest: which images the dataset holds, and what people wrote about them."""

import polars as pl

from capenh_pipeline.dataset.scan import is_text_file
from capenh_pipeline.domain.paths import path_hash
from capenh_pipeline.domain.schemas import FAILED, IMAGE_MANIFEST
from capenh_pipeline.domain.shards import shard_keys
from capenh_pipeline.domain.sidecars import SidecarPlan, name_warnings
from capenh_pipeline.stages.manifest_note import Built, settle
from capenh_pipeline.stages.manual_captions import caption_candidates, with_manual_captions
from capenh_pipeline.stages.run import Report, Run
from capenh_pipeline.stages.run_scan import begin_scan
from capenh_pipeline.stages.scan_index import read_files
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
    wanted = files_to_read(run, scan, images.head(run.options.limit or images.height))
    read = read_files(run, wanted)
    rows = rows_of(run, scan.plan, read)
    built = _replace_shards(run, scan, images, rows)
    if may_settle(run):
        settle(run, scan, built, wanted, read, rows)
    report = Report({shard: built.counts[shard] for shard in run.shards})
    report.warnings += [*scan.listing.warnings, *name_warnings(scan.names)]
    return report


def files_to_read(run: Run, scan: Scan, images: pl.DataFrame) -> pl.DataFrame:
    """Return the files that the manifest of some images is made from, in the columns `FILE`.

    Args:
        run: its dataset.
        scan: of the dataset.
        images: of `Scan.images_to_look_at`.
    """
    texts = scan.listing.texts
    return pl.concat([images, caption_candidates(run, _sidecars(scan.plan, images), texts)])


def rows_of(run: Run, plan: SidecarPlan, read: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of the manifest, without a date, for what `read_files` returned."""
    is_text = pl.Series([is_text_file(path) for path in read["path"]], dtype=pl.Boolean)
    images = read.filter(~is_text).drop("caption", "text_hash", "is_racy")
    sidecars = _sidecars(plan, images)
    return _with_shards(with_manual_captions(run, images, sidecars, read.filter(is_text)))


def rows_to_replace(run: Run, scan: Scan, images: pl.DataFrame) -> pl.DataFrame:
    """Return `path` and `shard` of the rows of the manifest that the rows of `images` replace.

    Those of images that are gone are among them. The shard is null where no row is known.
    """
    known = scan.before.select("path", pl.col("shard").str.head(run.store.shard_digits))
    paths = pl.concat([images.select("path"), scan.gone.select("path")])
    return paths.join(known, on="path", how="left")


def _sidecars(plan: SidecarPlan, files: pl.DataFrame) -> pl.DataFrame:
    return plan.files.join(files, on="path", how="semi", maintain_order="left")


def _with_shards(rows: pl.DataFrame) -> pl.DataFrame:
    """Add the hash that names a row's shard: the image's, or its path's where it has none."""
    unread = rows.filter(pl.col("image_hash").is_null()).select("path", "path_bytes")
    hashes = [(path, path_hash(path, path_bytes)) for path, path_bytes in unread.iter_rows()]
    columns = {"path": pl.String, "path_hash": pl.String}
    by_path = pl.DataFrame(hashes, schema=columns, orient="row")
    return rows.join(by_path, on="path", how="left", maintain_order="left").with_columns(
        shard_hash=pl.coalesce("image_hash", "path_hash")
    )


def _replace_shards(run: Run, scan: Scan, images: pl.DataFrame, rows: pl.DataFrame) -> Built:
    """Store the rows of `images` in the run's shards, in the place of what was known of them.

    Where nothing is known, they are the whole manifest but for images beyond the limit.
    """
    replaced = rows_to_replace(run, scan, images)
    shard = pl.col("shard_hash").str.head(run.store.shard_digits)
    by_shard = {str(key): some for (key,), some in rows.group_by(shard.alias("shard"))}
    touched, stays = {*shard_keys(run.store.shard_digits)}, _is_beyond_limit(run, images)
    if scan.known:
        touched = {*by_shard, *replaced["shard"].drop_nulls()}
        stays = ~pl.col("path").is_in(replaced["path"].implode())
    built = Built.after(scan, touched)
    for key in sorted(touched.intersection(run.shards)):
        some = by_shard.get(key, rows.clear()).select(FACTS)
        built.counts[key], built.parts[key] = _replace(run, key, some, stays=stays)
    return built


def _is_beyond_limit(run: Run, images: pl.DataFrame) -> pl.Expr:
    limit = run.options.limit
    beyond = images["path"].slice(limit) if limit else images["path"].clear()
    return pl.col("path").is_in(beyond.implode())


def _replace(
    run: Run, shard: str, rows: pl.DataFrame, *, stays: pl.Expr
) -> tuple[dict[str, int], list[str] | None]:
    """Store rows in a shard beside those that stay.

    Returns:
        The counts of the shard, and the names of its parts, None if they are not what was stored.
    """
    table = run.store.table(IMAGE_MANIFEST)
    before = table.read([shard])
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
    return counts, parts if is_ours else None
