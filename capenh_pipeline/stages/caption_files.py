"""Caption files: the captions as text beside the images."""

import polars as pl

from capenh_pipeline.dataset.scan import FILE_STATE
from capenh_pipeline.domain.fusion.terms import terms_in, with_terms
from capenh_pipeline.domain.options import Options
from capenh_pipeline.domain.paths import encode_path, path_hash, stored_path
from capenh_pipeline.domain.schemas import (
    CAPTION_FILES,
    COMBINED_CAPTIONS,
    IMAGE_MANIFEST,
    VLM_CAPTIONS,
)
from capenh_pipeline.domain.shards import shard_keys, shard_of
from capenh_pipeline.domain.sidecars import full_names, raw_sidecar
from capenh_pipeline.export.caption_files import (
    ExportOutcome,
    Stamp,
    without_written,
    write_caption_files,
)
from capenh_pipeline.stages.captions import captions
from capenh_pipeline.stages.combined_captions import llm_choice
from capenh_pipeline.stages.fusion import locked_terms
from capenh_pipeline.stages.run import Report, Run
from capenh_pipeline.stages.settling import digest_of, fingerprint, may_settle
from capenh_pipeline.stages.sidecar_plan import sidecars_of
from capenh_pipeline.stages.unwritten_files import note_unwritten
from capenh_pipeline.stages.vlm_captions import vlm_choice
from capenh_pipeline.tables.settled import Settled
from capenh_pipeline.tables.table import Table

_WHOLE = "all"


def write_files(run: Run) -> Report:
    """Write the caption files of the run's shards that are not there or have another text.

    A caption that is not there leaves its file alone, as do images that left the dataset.

    Raises:
        StoreError: the disk is full or cannot be written.
    """
    settled, names = run.store.settled(CAPTION_FILES.name), _names(run)
    stamp = _stamp(run, names)
    known = settled.get(_WHOLE, stamp) if may_settle(run) else None
    report = Report(known) if known else _write_all(run, settled, names)
    note_unwritten(run, report)
    if known:
        return report
    if may_settle(run) and report.total("files") == report.total("reused"):
        settled.put(_WHOLE, stamp, report.shards)
    settled.save()
    return report


def _write_all(run: Run, settled: Settled, names: list[str]) -> Report:
    """Write the files of all shards but those that are settled; settle those that are complete."""
    table = run.store.table(CAPTION_FILES)
    sidecars, unchanged = names_and_files(run)
    stamps = _stamps(run, [*names, *map(str, digest_of(full_names(sidecars)))], unchanged)
    report = Report({})
    for shard in run.shards:
        counts = settled.get(shard, stamps[shard]) if may_settle(run) else None
        if counts is None:
            counts, is_complete = _write(run.of_shard(shard), sidecars, unchanged, report)
            if may_settle(run) and is_complete:
                settled.put(shard, stamps[shard], counts)
        report.shards[shard] = counts
    if report.total("files") > report.total("reused"):
        table.compact(shard_keys(run.store.shard_digits))
    return report


def names_and_files(run: Run) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the names of all caption files, and what the ledger says of unchanged ones.

    The first has the caption files of each image of the dataset; the second the rows of the files
    that are on disk as they had been written.
    """
    sidecars = sidecars_of(run, run.listing().images["path"]).files.drop("own_manual", "manual")
    columns = [*FILE_STATE, "image_hash", "content_hash"]
    written = run.store.table(CAPTION_FILES).read(columns=columns)
    return sidecars, written.join(run.listing().texts, on=FILE_STATE, how="semi")


def _stamp(run: Run, names: list[str]) -> str:
    """Return what all caption files of the run go by, with each file of the dataset."""
    listing = run.listing()
    tables = [*_captions_of(run), run.store.table(CAPTION_FILES)]
    keys = shard_keys(run.store.shard_digits)
    parts = [table.part_names(key) for table in tables for key in keys]
    files = [digest_of(listing.images), digest_of(listing.texts)]
    return fingerprint(run, [*run.shards], names, files, parts)


def _stamps(run: Run, names: list[str], unchanged: pl.DataFrame) -> dict[str, str]:
    """Return what the caption files of each shard go by: captions, names and what is on disk."""
    tables = _captions_of(run)
    shard = pl.col("image_hash").str.head(run.store.shard_digits)
    on_disk = unchanged.select(*FILE_STATE, "content_hash", shard.alias("shard"))
    digests = {key: digest_of(rows) for (key,), rows in on_disk.group_by("shard")}
    return {
        key: fingerprint(run, names, digests.get(key), [table.part_names(key) for table in tables])
        for key in run.shards
    }


def _captions_of(run: Run) -> list[Table]:
    return [run.store.table(one) for one in (IMAGE_MANIFEST, VLM_CAPTIONS, COMBINED_CAPTIONS)]


def _names(run: Run) -> list[str]:
    """Return the recipes and the terms that the texts of caption files go by."""
    recipes = [*(asked.recipe for asked in vlm_choice(run).prompts), llm_choice(run).recipe]
    return [*(recipe.hash for recipe in recipes), *locked_terms(run.options)]


def _write(
    run: Run,
    sidecars: pl.DataFrame,
    unchanged: pl.DataFrame,
    report: Report,
) -> tuple[dict[str, int], bool]:
    """Write the files of the run's only shard; return the counts, and whether it is complete.

    It is not while an image of the manifest is missing: what is wanted when it is back shows in
    nothing that a shard is known by.
    """
    images = captions(run)
    wanted = wanted_files(run, images, sidecars)
    unwritten = without_written(wanted, unchanged)
    outcome = write_caption_files(
        unwritten,
        ledger_of(run, unwritten),
        root=run.dataset,
        overwrite=run.options.write_policy == "overwrite",
        record=run.store.table(CAPTION_FILES).append,
        stamp=Stamp(run_id=run.run_id, now=run.now()),
    )
    _name_files(report, run.shards[0], outcome, images=wanted.select("path", "image_path"))
    counts = {
        "images": wanted["image_path"].n_unique(),
        "files": wanted.height,
        "computed": len(outcome.written),
        "reused": wanted.height - unwritten.height + outcome.unchanged,
        "kept": len(outcome.kept),
        "failed": len(outcome.failed),
    }
    is_there = images["path"].is_in(sidecars["path"].implode())
    return counts, counts["reused"] == counts["files"] and is_there.all()


def ledger_of(run: Run, files: pl.DataFrame) -> pl.DataFrame:
    """Return what the ledger knows of some files; nothing is read for none."""
    paths = files.select("path", "path_bytes").iter_rows()
    shards = {shard_of(path_hash(*path), digits=run.store.shard_digits) for path in paths}
    return run.store.table(CAPTION_FILES).read(sorted(shards)).join(files, on="path", how="semi")


def _name_files(report: Report, shard: str, outcome: ExportOutcome, images: pl.DataFrame) -> None:
    if outcome.kept:
        report.kept_files[shard] = outcome.kept
    if outcome.failed:
        image_of = dict(images.iter_rows())
        report.failed_files[shard] = [
            (image_of[path], f"{path}: {error}") for path, error in outcome.failed
        ]


def wanted_files(run: Run, images: pl.DataFrame, sidecars: pl.DataFrame) -> pl.DataFrame:
    """Return one row for each file there should be: whose it is, its path, kind and text.

    Args:
        run: its options say which files are written, and with which words.
        images: rows of `captions`.
        sidecars: of `SidecarPlan.files`, all images of the dataset that are there.
    """
    images = images.join(sidecars, on="path", maintain_order="left")
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
