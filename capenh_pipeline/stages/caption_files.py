"""Caption files: the captions as text beside the images."""

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
    name: CAPTION_FILES.columns[name] for name in ("path", "path_bytes", "image_hash", "kind")
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
    """Return `path`, `path_bytes`, `image_hash`, `kind` and `text` of each file there should be."""
    listing = list_dataset(run.dataset, recursive=run.options.recursive, skip=[run.store.root])
    sidecars, _ = sidecars_of(run, listing.images)
    rows = []
    for row in captions(run).iter_rows(named=True):
        files = sidecars.get(row["path"])
        if files is not None:
            rows += _files(run, row, files)
    return pl.DataFrame(rows, schema=_WANTED, orient="row")


def _files(
    run: Run, row: dict[str, str | None], files: Sidecars
) -> list[tuple[str, bytes | None, str | None, str, str]]:
    found = []
    if files.combined is not None and row["caption"] is not None:
        text = with_trigger_word(row["caption"], run.options.trigger_word)
        found.append((*_columns(files.combined), row["image_hash"], "combined", text))
    writes_generated = run.options.cache_generated_captions_to_disk
    if writes_generated and files.generated is not None and row["vlm_caption"] is not None:
        found.append(
            (*_columns(files.generated), row["image_hash"], "generated", row["vlm_caption"])
        )
    return found


def _columns(raw: str) -> tuple[str, bytes | None]:
    return stored_path(encode_path(raw))


def _report(run: Run, wanted: pl.DataFrame, outcome: ExportOutcome) -> Report:
    digits = run.store.shard_digits
    failed = [path for path, _ in outcome.failed]
    touched = [*outcome.written, *outcome.kept, *failed]

    def count(rows: pl.DataFrame) -> dict[str, int]:
        return count_by_shard(rows, column="image_hash", digits=digits)

    kept = wanted.filter(pl.col("path").is_in(outcome.kept))
    report = Report.of(
        run.shards,
        images=count(wanted.filter(pl.col("kind") == "combined")),
        computed=count(wanted.filter(pl.col("path").is_in(outcome.written))),
        reused=count(wanted.filter(~pl.col("path").is_in(touched))),
        kept=count(kept),
        failed=count(wanted.filter(pl.col("path").is_in(failed))),
    )
    for path, image_hash in kept.select("path", "image_hash").iter_rows():
        report.kept_files.setdefault(shard_of(image_hash, digits=digits), []).append(path)
    report.warnings += [f"{path} was not written: {error}" for path, error in outcome.failed]
    return report
