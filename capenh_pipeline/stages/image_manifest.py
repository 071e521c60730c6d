"""The manifest: which images the dataset holds, and what people wrote about them."""

from typing import Any

import polars as pl

from capenh_pipeline.dataset.scan import Listing, is_text_file
from capenh_pipeline.domain.paths import path_hash
from capenh_pipeline.domain.schemas import (
    CAPTION_FILES,
    FAILED,
    IMAGE_MANIFEST,
    SCAN_INDEX,
    TableSchema,
)
from capenh_pipeline.domain.shards import shard_keys
from capenh_pipeline.domain.sidecars import SidecarPlan
from capenh_pipeline.stages.manual_captions import caption_candidates, with_manual_captions
from capenh_pipeline.stages.run import Report, Run
from capenh_pipeline.stages.scan_index import is_settled, read_files
from capenh_pipeline.stages.settling import digest_of, fingerprint, may_settle
from capenh_pipeline.stages.sidecar_plan import sidecars_of

FACTS = [name for name in IMAGE_MANIFEST.columns if name != "scanned_at"]
"""Columns of the manifest that say something about a file."""


def build_image_manifest(run: Run) -> Report:
    """Bring the manifest of the run's shards up to date with the dataset folder.

    A file is read only if it is new or its size or times changed. Files that are gone leave the
    manifest; with `limit`, files beyond it stay in it.

    Raises:
        DatasetError: the folder is missing, not a folder, or holds no image.
    """
    listing = run.scan()
    inputs = _inputs(run, listing) if may_settle(run) else None
    report = _settled_report(run, inputs) or _build(run, listing, inputs)
    report.warnings += listing.warnings
    return report


def _inputs(run: Run, listing: Listing) -> list[Any]:
    """Return what tells whether anything that the manifest is made from has changed."""
    return [digest_of(listing.images), digest_of(listing.texts), _parts(run, CAPTION_FILES)]


def _stamp(run: Run, inputs: list[Any]) -> str:
    return fingerprint(run, inputs, _parts(run, SCAN_INDEX), _parts(run, IMAGE_MANIFEST))


def _parts(run: Run, schema: TableSchema) -> list[list[str]]:
    table = run.store.table(schema)
    return [table.part_names(key) for key in shard_keys(run.store.shard_digits)]


def _settled_report(run: Run, inputs: list[Any] | None) -> Report | None:
    """Return what a scan would report, if it would find all as it was."""
    if inputs is None:
        return None
    stamp = _stamp(run, inputs)
    settled = run.store.settled(IMAGE_MANIFEST.name)
    found = {shard: settled.get(shard, stamp) for shard in run.shards}
    if not all(found.values()):
        return None
    warnings = next(iter(found.values()))["warnings"]
    counts = {shard: value["counts"] for shard, value in found.items()}
    return Report(counts, warnings=[*warnings])


def _build(run: Run, listing: Listing, inputs: list[Any] | None) -> Report:
    files = listing.images.head(run.options.limit or listing.images.height)
    plan = sidecars_of(run, listing.images["path"])
    wanted = files_to_read(run, plan, files, listing.texts)
    read = read_files(run, wanted)
    rows = rows_of(run, plan, read)
    report = _replace_shards(run, rows, beyond=listing.images.join(files, on="path", how="anti"))
    is_complete = read.height == wanted.height
    if inputs is not None and is_complete and is_settled(read).all():
        _settle(run, inputs, report, rows, plan.warnings)
    report.warnings += plan.warnings
    return report


def files_to_read(
    run: Run, plan: SidecarPlan, files: pl.DataFrame, texts: pl.DataFrame
) -> pl.DataFrame:
    """Return the files that the manifest of some images is made from.

    Args:
        run: its dataset.
        plan: of all images.
        files: the images.
        texts: of a `Listing`.
    """
    return pl.concat([files, caption_candidates(run, _sidecars(plan, files), texts)])


def rows_of(run: Run, plan: SidecarPlan, read: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of the manifest, without a date, for what `read_files` returned."""
    is_text = pl.Series([is_text_file(path) for path in read["path"]], dtype=pl.Boolean)
    images = read.filter(~is_text).drop("caption", "text_hash", "is_racy")
    sidecars = _sidecars(plan, images)
    return _with_shards(with_manual_captions(run, images, sidecars, read.filter(is_text)))


def _sidecars(plan: SidecarPlan, files: pl.DataFrame) -> pl.DataFrame:
    return plan.files.join(files, on="path", how="semi", maintain_order="left")


def _settle(
    run: Run, inputs: list[Any], report: Report, rows: pl.DataFrame, warnings: tuple[str, ...]
) -> None:
    """Note that the manifest has these rows; not so if another run has put its own there."""
    stamp = _stamp(run, inputs)
    stored = run.store.table(IMAGE_MANIFEST).read(run.shards, columns=FACTS)
    if not stored.sort("path").equals(_of_shards(run, rows).select(FACTS).sort("path")):
        return
    settled = run.store.settled(IMAGE_MANIFEST.name)
    for shard, counts in report.shards.items():
        again = {**counts, "computed": 0, "reused": counts["images"]}
        settled.put(shard, stamp, {"counts": again, "warnings": [*warnings]})
    settled.save()


def _of_shards(run: Run, rows: pl.DataFrame) -> pl.DataFrame:
    shard = pl.col("shard_hash").str.head(run.store.shard_digits)
    return rows.filter(shard.is_in(list(run.shards)))


def _with_shards(rows: pl.DataFrame) -> pl.DataFrame:
    """Add the hash that names a row's shard: the image's, or its path's where it has none."""
    unread = rows.filter(pl.col("image_hash").is_null()).select("path", "path_bytes")
    hashes = [(path, path_hash(path, path_bytes)) for path, path_bytes in unread.iter_rows()]
    columns = {"path": pl.String, "path_hash": pl.String}
    by_path = pl.DataFrame(hashes, schema=columns, orient="row")
    return rows.join(by_path, on="path", how="left", maintain_order="left").with_columns(
        shard_hash=pl.coalesce("image_hash", "path_hash")
    )


def _replace_shards(run: Run, rows: pl.DataFrame, *, beyond: pl.DataFrame) -> Report:
    """Store the rows of the run's shards; rows of the files `beyond` the limit stay."""
    report = Report({})
    shard = pl.col("shard_hash").str.head(run.store.shard_digits)
    by_shard = {key: some for (key,), some in rows.group_by(shard.alias("shard"))}
    for key in run.shards:
        some = by_shard.get(key, rows.clear())
        report.shards[key] = _replace(run, key, some, beyond=beyond)
    return report


def _replace(run: Run, shard: str, rows: pl.DataFrame, *, beyond: pl.DataFrame) -> dict[str, int]:
    table = run.store.table(IMAGE_MANIFEST)
    before = table.read([shard])
    now = pl.lit(run.now()).cast(IMAGE_MANIFEST.columns["scanned_at"])
    matched = rows.select(FACTS).join(before, on=FACTS, how="left", nulls_equal=True)
    dated = matched.with_columns(pl.col("scanned_at").fill_null(now))
    kept = before.join(beyond, on="path", how="semi")
    table.replace(shard, pl.concat([dated.select(*IMAGE_MANIFEST.columns), kept]))
    new = matched["scanned_at"].null_count()
    return {
        "images": rows.height,
        "computed": new,
        "reused": rows.height - new,
        "failed": rows.filter(pl.col("status") == FAILED).height,
    }
