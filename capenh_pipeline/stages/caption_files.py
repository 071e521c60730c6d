"""Caption files: the captions as text beside the images."""

import polars as pl

from capenh_pipeline.dataset.scan import file_path
from capenh_pipeline.domain.fusion.terms import terms_in, with_terms
from capenh_pipeline.domain.options import Options
from capenh_pipeline.domain.paths import encode_path, stored_path
from capenh_pipeline.domain.schemas import (
    CAPTION_FILES,
    COMBINED_CAPTIONS,
    IMAGE_MANIFEST,
    VLM_CAPTIONS,
)
from capenh_pipeline.domain.sidecars import raw_sidecar
from capenh_pipeline.export.caption_files import ExportOutcome, Stamp, write_caption_files
from capenh_pipeline.places.containers import is_member
from capenh_pipeline.places.object_place import ObjectPlace
from capenh_pipeline.places.place import Place, each
from capenh_pipeline.stages.captions import captions
from capenh_pipeline.stages.combined_captions import llm_choice
from capenh_pipeline.stages.fusion import locked_terms
from capenh_pipeline.stages.known_listing import RACY_NS
from capenh_pipeline.stages.ledger import ledger_of
from capenh_pipeline.stages.run import Report, Run
from capenh_pipeline.stages.run_scan import Scanned, scanned
from capenh_pipeline.stages.settling import fingerprint, may_settle, parts_of_tables
from capenh_pipeline.stages.sidecar_plan import names_of
from capenh_pipeline.stages.unwritten_files import note_unwritten
from capenh_pipeline.stages.vlm_captions import vlm_choice
from capenh_pipeline.stages.written_files import LedgerCopies, WrittenFiles


def write_files(run: Run) -> Report:
    """Write the caption files of the run's shards that are not there or have another text.

    A caption that is not there leaves its file alone, as do images that left the dataset. Only
    shards are looked at whose captions or files have changed.

    Raises:
        DatasetError: the folder is missing, not a folder, or holds no image.
        StoreError: the disk is full or cannot be written.
    """
    scan, settled = scanned(run), run.store.settled(CAPTION_FILES.name)
    goes_by, report, ledger_shards = _recipes_and_terms(run), Report({}), set()
    copies = LedgerCopies(run)
    for shard, stamp in _stamps(run, goes_by).items():
        counts = settled.get(shard, stamp) if may_settle(run) else None
        if counts is None:
            one = run.of_shard(shard)
            written = WrittenFiles(one, copies)
            counts, is_complete = _write(one, scan, report, written)
            ledger_shards |= written.ledger_shards
            if may_settle(run) and is_complete:
                settled.put(shard, stamp, counts)
        report.shards[shard] = counts
    run.store.table(CAPTION_FILES).compact(sorted(ledger_shards))
    note_unwritten(run, report)
    settled.save()
    return report


def _stamps(run: Run, goes_by: list[str]) -> dict[str, str]:
    """Return by shard what its caption files go by, but for what is on disk."""
    tables = (IMAGE_MANIFEST, VLM_CAPTIONS, COMBINED_CAPTIONS)
    parts = parts_of_tables(run, tables, run.shards)
    return {shard: fingerprint(run, goes_by, names) for shard, names in parts.items()}


def _recipes_and_terms(run: Run) -> list[str]:
    """Return what the texts of caption files go by, but for captions."""
    recipes = [*(asked.recipe for asked in vlm_choice(run).prompts), llm_choice(run).recipe]
    return [*(recipe.hash for recipe in recipes), *locked_terms(run.options)]


def _write(
    run: Run, scan: Scanned, report: Report, written: WrittenFiles
) -> tuple[dict[str, int], bool]:
    """Write the files of the run's only shard; return the counts, and whether it is complete.

    It is not unless the scan has seen all files as they are, and later scans are compared with that
    one: what becomes of other files would not show. The file of an image that is not there is not
    written.

    Args:
        run: over one shard.
        scan: of the dataset.
        report: gets the names of files that were kept or failed.
        written: what is known of the files, and gets what is new.
    """
    images = _listed(run, captions(run))
    wanted = wanted_files(run, images, names_of(run, images["path"], scan.names))
    unwritten = written.without_unchanged(wanted)
    outcome = write_caption_files(
        _with_images_there(run, unwritten, images),
        ledger_of(run, unwritten),
        root=run.dataset,
        overwrite=run.options.write_policy == "overwrite",
        record=written.record,
        stamp=Stamp(run_id=run.run_id, now=run.now()),
    )
    if may_settle(run):
        written.save()
    _name_files(report, run.shards[0], outcome, images=wanted.select("path", "image_path"))
    counts = {
        "images": wanted["image_path"].n_unique(),
        "files": wanted.height,
        "computed": len(outcome.written),
        "reused": wanted.height - unwritten.height + outcome.unchanged,
        "kept": len(outcome.kept),
        "failed": len(outcome.failed),
    }
    was_seen = scan.is_noted and written.are_older_than(scan.began_ns - RACY_NS)
    return counts, counts["reused"] == counts["files"] and was_seen


def _listed(run: Run, images: pl.DataFrame) -> pl.DataFrame:
    """Return images but those of folders that the scan has not listed: their names are not known.

    A run of other options may have left them in the manifest.
    """
    is_in_folder = pl.col("path").str.contains("/", literal=True)
    return images if run.options.recursive else images.filter(~is_in_folder)


def _with_images_there(run: Run, files: pl.DataFrame, images: pl.DataFrame) -> pl.DataFrame:
    paths = files.select(path="image_path").unique().join(images, on="path")
    places = [file_path(run.dataset, *one) for one in paths.select("path", "path_bytes").rows()]
    is_there = pl.Series(each(_may_be_there, places, places=[run.dataset]), dtype=pl.Boolean)
    return files.filter(pl.col("image_path").is_in(paths["path"].filter(is_there).implode()))


def _may_be_there(image: Place) -> bool:
    """Return whether an image is there; where nobody can tell, its caption file will say why."""
    try:
        is_there = image.is_file() if isinstance(image, ObjectPlace) else image.exists()
        return is_there or is_member(image)
    except OSError:
        return True


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
