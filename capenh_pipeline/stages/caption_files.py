"""Caption files: the captions as text beside the images."""

from typing import Any

import polars as pl

from capenh_pipeline.dataset.scan import list_dataset
from capenh_pipeline.domain.increment import count_by_shard
from capenh_pipeline.domain.paths import encode_path, stored_path
from capenh_pipeline.domain.schemas import CAPTION_FILES
from capenh_pipeline.domain.shards import shard_keys, shard_of
from capenh_pipeline.domain.sidecars import with_trigger_word
from capenh_pipeline.export.caption_files import ExportOutcome, Stamp, write_caption_files
from capenh_pipeline.stages.captions import captions
from capenh_pipeline.stages.run import Report, Run
from capenh_pipeline.stages.sidecar_plan import Sidecars, sidecars_of

_WANTED = {
    name: CAPTION_FILES.columns[name]
    for name in ("path", "path_bytes", "image_hash", "image_path", "kind")
} | {"text": pl.String}


def write_files(run: Run) -> Report:
    """Write the caption files of the run's shards that are not there or have another text.

    A caption that is not there leaves its file alone, as do images that left the dataset.

    Raises:
        StoreError: the disk is full or cannot be written.
    """
    wanted = wanted_files(run)
    table = run.store.table(CAPTION_FILES)
    ledger = table.read()
    outcome = write_caption_files(
        wanted,
        ledger,
        root=run.dataset,
        overwrite=run.options.write_policy == "overwrite",
        record=table.append,
        stamp=Stamp(run_id=run.run_id, now=run.now()),
    )
    table.compact(shard_keys(run.store.shard_digits))
    return _report(run, wanted, outcome)


def wanted_files(run: Run) -> pl.DataFrame:
    """Return one row for each file there should be: whose it is, its path, kind and text."""
    listing = list_dataset(run.dataset, recursive=run.options.recursive, skip=[run.store.root])
    sidecars, _ = sidecars_of(run, listing.images)
    rows: list[dict[str, Any]] = []
    for row in captions(run).iter_rows(named=True):
        files = sidecars.get(row["path"])
        if files is not None:
            rows += _files(run, row, files)
    return pl.DataFrame(rows, schema=_WANTED)


def _files(run: Run, row: dict[str, Any], files: Sidecars) -> list[dict[str, Any]]:
    combined = row["caption"] and with_trigger_word(row["caption"], run.options.trigger_word)
    seen = row["vlm_caption"] if run.options.cache_generated_captions_to_disk else None
    texts = [("combined", files.combined, combined), ("generated", files.generated, seen)]
    return [
        {**_columns(raw), **_image(row), "kind": kind, "text": text}
        for kind, raw, text in texts
        if raw is not None and text is not None
    ]


def _image(row: dict[str, Any]) -> dict[str, Any]:
    return {"image_hash": row["image_hash"], "image_path": row["path"]}


def _columns(raw: str) -> dict[str, Any]:
    path, path_bytes = stored_path(encode_path(raw))
    return {"path": path, "path_bytes": path_bytes}


def _report(run: Run, wanted: pl.DataFrame, outcome: ExportOutcome) -> Report:
    digits = run.store.shard_digits
    failed = [path for path, _ in outcome.failed]
    touched = [*outcome.written, *outcome.kept, *failed]

    def count(rows: pl.DataFrame) -> dict[str, int]:
        return count_by_shard(rows, column="image_hash", digits=digits)

    report = Report.of(
        run.shards,
        images=count(wanted.unique("image_path")),
        computed=count(wanted.filter(pl.col("path").is_in(outcome.written))),
        reused=count(wanted.filter(~pl.col("path").is_in(touched))),
        kept=count(wanted.filter(pl.col("path").is_in(outcome.kept))),
        failed=count(wanted.filter(pl.col("path").is_in(failed))),
    )
    shards = {
        path: shard_of(image_hash, digits=digits)
        for path, image_hash in wanted.select("path", "image_hash").iter_rows()
    }
    for path in outcome.kept:
        report.kept_files.setdefault(shards[path], []).append(path)
    for path, error in outcome.failed:
        report.failed_files.setdefault(shards[path], []).append(f"{path}: {error}")
    return report
