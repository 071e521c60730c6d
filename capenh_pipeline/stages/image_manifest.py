"""The manifest: which images the dataset holds, and what people wrote about them."""

from typing import Any

import polars as pl

from capenh_pipeline.dataset.images import inspect_image
from capenh_pipeline.dataset.scan import file_path, list_dataset
from capenh_pipeline.domain.increment import count_by_shard
from capenh_pipeline.domain.paths import path_hash
from capenh_pipeline.domain.schemas import FAILED, IMAGE_MANIFEST, OK, SCAN_INDEX
from capenh_pipeline.domain.shards import shard_keys
from capenh_pipeline.models.torch_threads import usable_cores
from capenh_pipeline.stages.manual_captions import ManualCaptions
from capenh_pipeline.stages.read_ahead import read_ahead
from capenh_pipeline.stages.run import Report, Run
from capenh_pipeline.stages.sidecar_plan import sidecars_of

RACY_NS = 2_000_000_000
"""A file that changed less than this before it was read may change again with the same time
stamps (git's rule for its index), so it is read once more next time. ctime tells when: nobody
can set it."""

INDEX_ROWS = 20_000
"""Rows of the scan index in one checkpoint: they lie in all shards, a part in each, and reading
a file again costs little."""

_STAT = ["path", "size_bytes", "mtime_ns", "ctime_ns"]
_CONTENT = ["image_hash", "width", "height", "format", "status", "error_kind", "error"]


def build_image_manifest(run: Run) -> Report:
    """Bring the manifest of the run's shards up to date with the dataset folder.

    An image is read only if it is new or its size or times changed; a manual caption is read
    each time. Files that are gone leave the manifest; with `limit`, files beyond it stay in it.

    Raises:
        DatasetError: the folder is missing, not a folder, or holds no image.
    """
    listing = list_dataset(run.dataset, recursive=run.options.recursive, skip=[run.store.root])
    files = listing.images.head(run.options.limit or listing.images.height)
    known = known_files(run, files)
    read = _read(run, files.join(known, on="path", how="anti"))
    sidecars, warnings = sidecars_of(run, listing.images)
    rows = ManualCaptions(run, sidecars).added_to(_with_shards(pl.concat([known, read])))
    new = _replace_shards(run, rows, beyond=listing.images.join(files, on="path", how="anti"))
    report = _report(run, rows, new)
    report.warnings += [*listing.warnings, *warnings]
    return report


def known_files(run: Run, files: pl.DataFrame) -> pl.DataFrame:
    """Return the files whose content is known from an earlier scan, with that content."""
    is_settled = ~pl.col("is_racy") & pl.col("image_hash").is_not_null()
    if run.options.retry_failed:
        is_settled &= pl.col("status") == OK
    return _indexed(run, files).filter(is_settled).drop("is_racy")


def _read(run: Run, files: pl.DataFrame) -> pl.DataFrame:
    """Read the files and return them with their content; each is in the scan index afterwards."""
    if files.height:
        _index(run, files)
    return _indexed(run, files).drop("is_racy")


def _indexed(run: Run, files: pl.DataFrame) -> pl.DataFrame:
    index = run.store.table(SCAN_INDEX).read(columns=[*_STAT, *_CONTENT, "is_racy"])
    return files.join(index, on=_STAT)


def _index(run: Run, files: pl.DataFrame) -> None:
    with (
        run.progress.stage("files to read", files.height) as step,
        run.checkpoint(SCAN_INDEX, rows=INDEX_ROWS) as checkpoint,
    ):
        for row in read_ahead(
            files.iter_rows(named=True),
            lambda file: _inspect(run, file),
            workers=run.options.num_workers or usable_cores(),
        ):
            checkpoint.add(row)
            step()
    run.store.table(SCAN_INDEX).compact(shard_keys(run.store.shard_digits))


def _inspect(run: Run, file: dict[str, Any]) -> dict[str, Any]:
    began_ns = int(run.now().timestamp() * 1e9)
    facts = inspect_image(
        file_path(run.dataset, file["path"], file["path_bytes"]),
        timeout_s=run.options.image_timeout_s,
    )
    return {
        **file,
        "path_hash": path_hash(file["path"], file["path_bytes"]),
        "is_racy": began_ns - file["ctime_ns"] < RACY_NS,
        "image_hash": facts.image_hash,
        "width": facts.width,
        "height": facts.height,
        "format": facts.format,
        "status": OK if facts.error_kind is None else FAILED,
        "error_kind": facts.error_kind,
        "error": facts.error,
    }


def _with_shards(rows: pl.DataFrame) -> pl.DataFrame:
    """Add the hash that names a row's shard: the image's, or its path's where it has none."""
    hashes = [
        image_hash or path_hash(path, path_bytes)
        for image_hash, path, path_bytes in rows.select(
            "image_hash", "path", "path_bytes"
        ).iter_rows()
    ]
    return rows.with_columns(pl.Series("shard_hash", hashes, pl.String))


def _replace_shards(run: Run, rows: pl.DataFrame, *, beyond: pl.DataFrame) -> pl.DataFrame:
    """Store the rows of the run's shards and return those that were not there before.

    Rows of the files `beyond` the limit stay.
    """
    table = run.store.table(IMAGE_MANIFEST)
    before = table.read(run.shards)
    now = pl.lit(run.now()).cast(IMAGE_MANIFEST.columns["scanned_at"])
    facts = [name for name in IMAGE_MANIFEST.columns if name != "scanned_at"]
    matched = rows.select(facts).join(before, on=facts, how="left", nulls_equal=True)
    dated = matched.with_columns(pl.col("scanned_at").fill_null(now))
    kept = before.join(beyond, on="path", how="semi")
    everything = pl.concat([dated.select(*IMAGE_MANIFEST.columns), kept])
    shard = everything["shard_hash"].str.slice(0, run.store.shard_digits)
    for key in run.shards:
        table.replace(key, everything.filter(shard == key))
    return matched.filter(pl.col("scanned_at").is_null())


def _report(run: Run, rows: pl.DataFrame, new: pl.DataFrame) -> Report:
    def count(some: pl.DataFrame) -> dict[str, int]:
        return count_by_shard(some, column="shard_hash", digits=run.store.shard_digits)

    return Report.of(
        run.shards,
        images=count(rows),
        computed=count(new),
        reused=count(rows.join(new, on="path", how="anti")),
        failed=count(rows.filter(pl.col("status") == FAILED)),
    )
