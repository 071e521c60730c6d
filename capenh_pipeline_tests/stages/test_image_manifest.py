"""The manifest follows the folder."""

import os
import shutil

import polars as pl
import pytest

from capenh_pipeline.domain.schemas import CAPTION_FILES, IMAGE_MANIFEST, SCAN_INDEX
from capenh_pipeline.export.caption_files import Stamp, write_caption_files
from capenh_pipeline.stages import known_listing, manifest_note, scan_index
from capenh_pipeline.stages.image_manifest import build_image_manifest
from capenh_pipeline_tests.images import colour


@pytest.fixture
def images(tmp_path):
    folder = tmp_path / "images"
    for number in range(5):
        path = colour(folder / f"{number}.png", (number, 0, 0), size=(20, 10))
        os.utime(path, (1_700_000_000, 1_700_000_000))
    return folder


def manifest(run):
    return run.store.table(IMAGE_MANIFEST).read().sort("path")


def counts(report):
    total = dict.fromkeys(("images", "computed", "reused", "failed"), 0)
    for shard in report.shards.values():
        for name in total:
            total[name] += shard[name]
    return total


def test_a_row_says_what_the_file_is(images, open_run):
    (images / "0.txt").write_text("  sks dog \n")
    run = open_run()
    build_image_manifest(run)
    row = manifest(run).row(0, named=True)
    assert (row["path"], row["width"], row["height"], row["format"]) == ("0.png", 20, 10, "PNG")
    assert row["size_bytes"] == (images / "0.png").stat().st_size
    assert row["mtime_ns"] == (images / "0.png").stat().st_mtime_ns
    assert (row["manual_caption"], row["status"]) == ("sks dog", "ok")


def test_a_file_that_is_gone_leaves_the_manifest(images, open_run):
    build_image_manifest(open_run())
    (images / "3.png").unlink()
    run = open_run()
    build_image_manifest(run)
    assert manifest(run)["path"].to_list() == ["0.png", "1.png", "2.png", "4.png"]


def test_nothing_is_written_when_nothing_changed(images, open_run):
    run = open_run()
    build_image_manifest(run)
    before = {path: path.stat().st_mtime_ns for path in manifest_files(run)}
    assert counts(build_image_manifest(open_run())) == {
        "images": 5,
        "computed": 0,
        "reused": 5,
        "failed": 0,
    }
    assert {path: path.stat().st_mtime_ns for path in manifest_files(run)} == before


def manifest_files(run):
    return list((run.store.root / "image_manifest").rglob("*.parquet"))


def test_a_settled_file_is_not_read_again(images, open_run):
    """The index, not the file, says what an unchanged file holds."""
    run = open_run()
    build_image_manifest(run)
    index = run.store.table(SCAN_INDEX)
    index.append(index.read().with_columns(is_racy=pl.lit(False), width=pl.lit(99, pl.Int32)))
    build_image_manifest(open_run())
    assert manifest(run)["width"].to_list() == [99] * 5


def test_a_file_that_may_have_changed_unseen_is_read_again(images, open_run):
    """It was younger than two seconds when it was read: time stamps cannot tell."""
    run = open_run()
    build_image_manifest(run)
    index = run.store.table(SCAN_INDEX)
    index.append(index.read().with_columns(is_racy=pl.lit(True), width=pl.lit(99, pl.Int32)))
    build_image_manifest(open_run())
    assert manifest(run)["width"].to_list() == [20] * 5


def test_a_limit_reads_the_first_files_and_forgets_none(images, open_run):
    assert counts(build_image_manifest(open_run(limit=2)))["images"] == 2
    assert manifest(open_run())["path"].to_list() == ["0.png", "1.png"]
    build_image_manifest(open_run())
    build_image_manifest(open_run(limit=2))
    assert manifest(open_run()).height == 5


def test_a_run_over_one_shard_writes_that_shard_alone(images, open_run):
    everything = open_run()
    build_image_manifest(everything)
    shard = manifest(everything)["image_hash"][0][0]
    shutil.rmtree(everything.store.root)
    run = open_run(shards=[shard])
    build_image_manifest(run)
    assert {path.name for path in (run.store.root / "image_manifest").iterdir()} == {
        f"shard={shard}"
    }


def test_a_file_that_cannot_be_read_is_a_row_without_a_hash(images, open_run):
    (images / "5.png").touch()
    (images / "6.png").write_bytes(b"no image")
    run = open_run()
    report = build_image_manifest(run)
    assert counts(report)["failed"] == 2
    kinds = manifest(run).filter(status="failed").select("path", "error_kind").rows()
    assert kinds == [("5.png", "empty"), ("6.png", "not_an_image")]


def test_a_name_that_is_not_utf8_does_not_stop_the_scan(images, open_run):
    raw = os.fsencode(images) + b"/\xff.png"
    shutil.copy(images / "0.png", raw)
    run = open_run()
    build_image_manifest(run)
    row = manifest(run).filter(pl.col("path_bytes").is_not_null()).row(0, named=True)
    assert (row["path_bytes"], row["status"]) == (b"\xff.png", "ok")


def test_our_file_for_another_image_is_not_what_a_person_wrote(images, open_run):
    """`0_combined.txt` was written for `0.png` before `0_combined.png` landed."""
    run = open_run()
    build_image_manifest(run)
    wanted = (
        manifest(run)
        .head(1)
        .select(
            pl.lit("0_combined.txt").alias("path"),
            "path_bytes",
            "image_hash",
            pl.col("path").alias("image_path"),
            pl.lit("combined").alias("kind"),
            pl.lit("ours").alias("text"),
        )
    )
    table = run.store.table(CAPTION_FILES)
    write_caption_files(
        wanted,
        table.read(),
        root=images,
        overwrite=False,
        record=table.append,
        stamp=Stamp("r", run.now()),
    )
    colour(images / "0_combined.png", (9, 9, 9))
    build_image_manifest(run)
    assert manifest(run).filter(path="0_combined.png")["manual_caption"].to_list() == [None]
    (images / "0_combined.txt").write_text("a person's")
    build_image_manifest(run)
    assert manifest(run).filter(path="0_combined.png")["manual_caption"].to_list() == ["a person's"]


def test_images_that_share_a_name_are_warned_about_once(images, open_run):
    for number in range(3):
        colour(images / f"{number}.jpg", (number, 9, 9))
    report = build_image_manifest(open_run())
    assert len(report.warnings) == 1
    assert "share their name" in report.warnings[0]


def test_a_settled_manual_caption_is_not_read_again(images, open_run):
    (images / "0.txt").write_text("sks dog")
    run = open_run()
    build_image_manifest(run)
    index = run.store.table(SCAN_INDEX)
    known = pl.when(pl.col("caption").is_not_null()).then(pl.lit("from the index"))
    index.append(index.read().with_columns(known.alias("caption"), is_racy=pl.lit(False)))
    build_image_manifest(open_run())
    assert manifest(run)["manual_caption"][0] == "from the index"


def test_folders_that_are_the_same_are_trusted_on_request_only(images, open_run, monkeypatch):
    def captions_after(text, **options):
        (images / "0.txt").write_text(text)
        run = open_run(**options)
        build_image_manifest(run)
        return manifest(run)["manual_caption"][0]

    for module in (known_listing, manifest_note, scan_index):  # nothing is too young to be trusted
        monkeypatch.setattr(module, "RACY_NS", 0)
    assert captions_after("first", trust_dir_mtime=True) == "first"
    assert captions_after("edited in place", trust_dir_mtime=True) == "first"
    (images / "1.txt").write_text("a new file")
    assert captions_after("edited again", trust_dir_mtime=True) == "edited again"
    assert captions_after("edited at last") == "edited at last"


def test_a_young_folder_is_not_trusted(images, open_run):
    run = open_run(trust_dir_mtime=True)
    build_image_manifest(run)
    (images / "0.png").write_bytes((images / "1.png").read_bytes())
    build_image_manifest(open_run(trust_dir_mtime=True))
    assert manifest(run)["image_hash"].n_unique() == 4
