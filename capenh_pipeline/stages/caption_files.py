"""Caption files: the captions as text beside the images."""

import polars as pl

from capenh_pipeline.domain.fusion.terms import terms_in, with_terms
from capenh_pipeline.domain.increment import count_by_shard
from capenh_pipeline.domain.options import Options
from capenh_pipeline.domain.paths import encode_path, stored_path
from capenh_pipeline.domain.schemas import CAPTION_FILES
from capenh_pipeline.domain.shards import shard_keys, shard_of
from capenh_pipeline.domain.sidecars import raw_sidecar
from capenh_pipeline.export.caption_files import ExportOutcome, Stamp, write_caption_files
from capenh_pipeline.stages.captions import captions
from capenh_pipeline.stages.fusion import locked_terms
from capenh_pipeline.stages.run import Report, Run
from capenh_pipeline.stages.sidecar_plan import sidecars_of


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
    listing = run.listing()
    sidecars = sidecars_of(run, listing.images["path"]).files
    images = captions(run).join(sidecars, on="path", maintain_order="left")
    wanted = [_files(images, "combined", "combined", _with_terms(images, run.options))]
    if run.options.cache_generated_captions_to_disk:
        seen = images["vlm_captions"].struct
        wanted += [
            _files(images, "generated", f"generated_{place}", seen.field(name))
            for place, name in enumerate(seen.fields)
        ]
    return pl.concat(wanted)


def _with_terms(images: pl.DataFrame, options: Options) -> pl.Series:
    """Return the combined captions with all the words that must be in them.

    They were kept when the caption was made; this is for words that were named since.
    """
    always = (options.trigger_word,) if options.trigger_word else ()
    locked = locked_terms(options)
    if not always + locked:
        return images["caption"]
    texts = [
        caption and with_terms(caption, (*always, *terms_in(manual or "", locked)))
        for caption, manual in images.select("caption", "manual_caption").iter_rows()
    ]
    return pl.Series(texts, dtype=pl.String)


def _files(images: pl.DataFrame, kind: str, sidecar: str, texts: pl.Series) -> pl.DataFrame:
    """Return the files of one kind that have a name, in the column `sidecar`, and a text."""
    wanted = images.select(
        pl.col(sidecar).alias("path"),
        _bytes_of(images, sidecar).alias("path_bytes"),
        "image_hash",
        pl.col("path").alias("image_path"),
        pl.lit(kind).alias("kind"),
        texts.alias("text"),
    )
    return wanted.drop_nulls(["path", "text"])


def _bytes_of(images: pl.DataFrame, sidecar: str) -> pl.Series:
    """Return the bytes of the caption files' paths, null where they are UTF-8."""
    if images["path_bytes"].null_count() == images.height:
        return images["path_bytes"]
    paths = images.select("path", "path_bytes", sidecar).iter_rows()
    stored = [row[2] and stored_path(encode_path(raw_sidecar(*row)))[1] for row in paths]
    return pl.Series(stored, dtype=pl.Binary)


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
