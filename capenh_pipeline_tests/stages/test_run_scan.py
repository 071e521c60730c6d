"""A run that goes by what has changed does what a run does that looks at everything."""

import os
import shutil
from contextlib import contextmanager
from dataclasses import replace
from itertools import count

import pytest

from capenh_pipeline.dataset import units
from capenh_pipeline.domain.identity import sha256_hex
from capenh_pipeline.domain.paths import path_hash
from capenh_pipeline.domain.schemas import CAPTION_FILES, IMAGE_MANIFEST
from capenh_pipeline.errors import StoreError
from capenh_pipeline.places.kept_rows import kept_rows
from capenh_pipeline.stages.caption_files import write_files
from capenh_pipeline.stages.image_manifest import build_image_manifest
from capenh_pipeline_tests.images import colour
from capenh_pipeline_tests.memory import memory_folder
from capenh_pipeline_tests.stage_runs import NOTHING, Cost, StageRuns


@pytest.fixture(scope="module")
def settled():
    """A flat folder of many parts, and a folder beside it, that nothing has happened to."""
    with memory_folder() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(units, "UNIT_FILES", 2)
        for number in range(20):
            colour(folder / "dataset" / f"{number:02}.png", (number, 0, 0))
        colour(folder / "dataset" / "sub" / "x.png", (0, 9, 9))
        runs = StageRuns(folder / "dataset", {"recursive": True})
        runs.run()
        runs.run()
        assert runs.run() == NOTHING
        yield folder / "dataset"


@pytest.fixture
def large(settled, monkeypatch):
    monkeypatch.setattr(units, "UNIT_FILES", 2)
    with memory_folder() as folder:
        runs = StageRuns(shutil.copytree(settled, folder / "dataset"), {"recursive": True})
        runs.run()  # a copy has other times
        runs.run()
        assert runs.run() == NOTHING
        yield runs


def damage(store, *patterns, but=()):
    """Damage files of a store, so that whoever reads one ends in an error."""
    for pattern in patterns:
        for path in store.glob(pattern):
            if not any(path.match(f"*/shard={shard}/*") for shard in but):
                path.write_bytes(b"damaged")


def shards_of(runs, table, **where):
    schema = {"image_manifest": IMAGE_MANIFEST, "caption_files": CAPTION_FILES}[table]
    rows = runs.opened().store.table(schema).read().filter(**where)
    return {value[0] for value in rows[schema.shard_by]}


def test_one_new_image_reads_and_writes_its_own_shards(large):
    """No part of a table can be read but in the shards of the image and of its files."""
    path = colour(large.dataset / "new.png", (7, 7, 7))
    twin = StageRuns(
        shutil.copytree(large.dataset, large.dataset.with_name("twin")), {"recursive": True}
    )
    twin.run()
    image = shards_of(twin, "image_manifest", path="new.png")
    file = shards_of(twin, "caption_files", path="new_combined.txt")
    store = large.dataset / ".capenh"
    damage(store, "image_manifest/*/part-*", "*_captions/*/part-*", but=image)
    damage(store, "caption_files/*/part-*", but=file)
    damage(store, "scan_index/*/part-*", but={path_hash("new.png", None)[0]})

    assert large.run() == Cost(1, 1, 1, 1)
    assert path.with_name("new_combined.txt").exists()


def test_one_new_image_leaves_the_scan_index_of_others_alone(large):
    """Also where that is of several parts, which could be made one."""
    for number in range(100):
        colour(large.dataset / f"{number}_new.png", (7, number, 7))
    large.run()
    colour(large.dataset / "new.png", (7, 7, 8))
    store = large.dataset / ".capenh"
    shard = path_hash("new.png", None)[0]
    assert len([*store.glob("scan_index/*/part-*")]) > 16
    damage(store, "scan_index/*/part-*", but={shard})

    build_image_manifest(large.opened())
    assert shards_of(large, "image_manifest", path="new.png")


def test_a_listing_that_is_damaged_is_no_listing(large):
    listing = large.dataset / ".capenh" / "listing"
    for number, pattern in enumerate(("units-*", "names-*", "files-*")):
        for path in listing.glob(pattern):
            path.write_bytes(b"damaged")
        (large.dataset / "00.png").unlink()
        colour(large.dataset / "00.png", (number, 1, 1))
        assert large.run() == Cost(1, 1, 1, 1)
        assert large.run()[1:] == NOTHING[1:]
    assert large.run() == NOTHING


def test_only_what_a_listing_needs_is_kept(large):
    listing = large.dataset / ".capenh" / "listing"
    (listing / "recursive.parquet").touch()  # of an earlier version
    (listing / ".tmp-dead").touch()
    os.utime(listing / ".tmp-dead", (0, 0))
    (listing / ".tmp-alive").touch()  # another run is about to give it a name
    colour(large.dataset / "new.png", (7, 7, 7))
    large.run()
    names = [path.name for path in listing.iterdir()]
    units_file = next(name for name in names if name.startswith("units-"))
    needed = kept_rows(listing / units_file)["file"].drop_nulls()
    assert sorted(names) == sorted(
        [".tmp-alive", units_file, units_file.replace("units", "names"), *needed.unique()]
    )


def test_a_caption_file_of_another_shard_that_is_edited_is_looked_at(large):
    ours = large.dataset / "sub" / "x_combined.txt"
    text = ours.read_text()
    ours.unlink()
    assert large.run() == Cost(0, 0, 0, 1)
    assert ours.read_text() == text
    ours.write_text("mine")
    assert large.run() == NOTHING
    assert [*large.reports[-1].kept_files.values()] == [["sub/x_combined.txt"]]


def test_a_change_is_of_the_caption_file_that_some_file_systems_know_by_that_name(large):
    """Its image's captions cannot be read, and somebody tries."""
    damage(large.dataset / ".capenh", "vlm_captions/*/part-*")
    assert large.run() == NOTHING
    (large.dataset / "00_Combined.TXT").touch()
    with pytest.raises(StoreError):
        large.run()


def test_a_caption_file_that_is_gone_comes_back_though_the_scan_index_is_lost(large):
    shutil.rmtree(large.dataset / ".capenh" / "scan_index")
    for ours in sorted(large.dataset.glob("0*_combined.txt")):
        ours.unlink()
        assert large.run() == Cost(0, 0, 0, 1)


def test_a_file_that_is_another_images_now_is_looked_at_when_it_changes(large):
    """Its image has other bytes and the same caption: the file stays, and its shard is another."""
    image, ours = large.dataset / "sub" / "x.png", large.dataset / "sub" / "x_combined.txt"
    before = shards_of(large, "image_manifest", path="sub/x.png")
    colour(image, (0, 9, 9), size=(3, 7))
    large.run()
    assert shards_of(large, "image_manifest", path="sub/x.png") != before
    large.run()
    assert large.run() == NOTHING
    ours.unlink()

    assert large.run() == Cost(0, 0, 0, 1)


def test_a_run_over_other_shards_leaves_a_change_to_the_next(large):
    shard = shards_of(large, "image_manifest", path="00.png").pop()
    (large.dataset / "00.png").unlink()
    others = [key for key in "0123456789abcdef" if key != shard]
    build_image_manifest(replace(large.opened(), shards=others))
    assert "00.png" in large.opened().store.table(IMAGE_MANIFEST).read()["path"]
    large.run()
    assert "00.png" not in large.opened().store.table(IMAGE_MANIFEST).read()["path"]


def test_a_caption_file_that_no_noted_scan_has_seen_comes_back_when_it_is_gone(large):
    """It was found complete by the export alone, in between."""
    colour(large.dataset / "new.png", (7, 7, 7))
    large.run()
    write_files(large.opened())
    (large.dataset / "new_combined.txt").unlink()

    assert large.run() == Cost(0, 0, 0, 1)


def colour_of_shard(path, shard):
    """Save an image that is of that shard."""
    drawn = (colour(path, (7, 7, 7), size=(8, height)) for height in count(8))
    return next(path for path in drawn if sha256_hex(path.read_bytes()).startswith(shard))


def test_a_row_that_another_run_adds_meanwhile_is_not_taken_for_a_known_one(large):
    """An image lands, another run of its shard is done with it, and it goes."""
    landing = large.dataset / "landing.png"
    colour_of_shard(large.dataset / "new.png", "a")

    class SlowRun:
        @contextmanager
        def stage(self, name, total):
            colour_of_shard(landing, "a")
            colour_of_shard(large.dataset / "other.png", "b")
            build_image_manifest(replace(large.opened(), shards=["a"]))
            yield lambda: None

    build_image_manifest(replace(large.opened(), progress=SlowRun()))
    landing.unlink()
    large.run()
    assert "landing.png" not in large.opened().store.table(IMAGE_MANIFEST).read()["path"]


def test_names_that_print_alike_are_told_apart_when_one_of_them_changes(tmp_path):
    dataset = tmp_path / "dataset"
    colour(dataset / "\\xff" / "x.png", (1, 0, 0))
    other = dataset / os.fsdecode(b"\xff")
    colour(other / "x.png", (2, 0, 0))
    runs = StageRuns(dataset, {"recursive": True})
    runs.run()
    assert [*runs.manifest()] == ["\\xff/x.png"]
    (dataset / "\\xff" / "x.png").unlink()
    runs.run()
    assert [(row["path"], row["path_bytes"]) for row in runs.manifest().values()] == [
        ("\\xff/x.png", b"\xff/x.png")
    ]
