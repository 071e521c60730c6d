"""The manifest: which images the dataset holds, and what people wrote about them."""

import polars as pl

from capenh_pipeline.domain.schemas import FAILED, IMAGE_MANIFEST
from capenh_pipeline.domain.sidecars import name_warnings
from capenh_pipeline.stages.manifest_news import FACTS, ManifestNews
from capenh_pipeline.stages.manifest_note import Built, ListingNote
from capenh_pipeline.stages.manifest_reading import Reader
from capenh_pipeline.stages.run import Report, Run
from capenh_pipeline.stages.run_scan import begin_scan, is_noted_now
from capenh_pipeline.stages.scanning import Scan
from capenh_pipeline.stages.settling import may_settle


def build_image_manifest(run: Run) -> Report:
    """Bring the manifest of the run's shards up to date with the dataset folder.

    Only images that are new or changed since the manifest was made, and images beside such files,
    are looked at, and only the shards that hold or held one of them are read. A file is opened only
    if its content is not known. Files that are gone leave the manifest; with `limit`, files beyond
    it stay in it. What is in memory at a time is a portion of the scan or a shard of the manifest.

    Raises:
        DatasetError: the folder is missing, not a folder, or holds no image.
        StoreError: the store cannot be read or written.
    """
    scan = begin_scan(run)
    news, note = ManifestNews(run, scan), ListingNote(run, scan)
    with Reader(run, scan) as reader:
        for portion in scan.portions():
            reading = reader.read(portion, portion.to_look_at)
            news.add(portion, reading.rows)
            note.add(portion, reading)
    built = _replace_shards(run, scan, news)
    if may_settle(run) and note.settle(built):
        is_noted_now(run)
    report = Report({shard: built.counts[shard] for shard in run.shards})
    report.warnings += [*scan.listing.warnings, *name_warnings(scan.names)]
    return report


def _replace_shards(run: Run, scan: Scan, news: ManifestNews) -> Built:
    """Store what is new in the run's shards, in the place of what was known of it."""
    touched = news.touched_shards()
    built = Built.after(scan, touched)
    for key in sorted(touched.intersection(run.shards)):
        known = scan.known.parts[key] if scan.known else None
        replaced = _replace(run, key, news, known=known)
        built.counts[key], built.parts[key] = replaced
    return built


def _replace(
    run: Run, shard: str, news: ManifestNews, *, known: list[str] | None
) -> tuple[dict[str, int], list[str] | None]:
    """Store the new rows of a shard beside those that stay.

    Args:
        run: its store.
        shard: its key.
        news: what is new.
        known: names of the parts that have the rows that stay, None if they may be any.

    Returns:
        The counts of the shard, and the names of its parts, None if they are not what was stored,
        or another run has changed the rows that stay.
    """
    table = run.store.table(IMAGE_MANIFEST)
    before, rows = table.read([shard]), news.rows_of(shard)
    is_known = known is None or table.part_names([shard])[shard] == known
    now = pl.lit(run.now()).cast(IMAGE_MANIFEST.columns["scanned_at"])
    matched = rows.join(before, on=FACTS, how="left", nulls_equal=True)
    dated = matched.with_columns(pl.col("scanned_at").fill_null(now))
    staying = news.staying(shard, before, rows)
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
