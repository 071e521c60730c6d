"""A run that goes by what has changed does what a run does that looks at everything."""

import os
import shutil
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path
from uuid import uuid4

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from capenh_pipeline import buckets
from capenh_pipeline.dataset import units
from capenh_pipeline.domain.identity import sha256_hex
from capenh_pipeline.domain.paths import path_hash
from capenh_pipeline.domain.schemas import CAPTION_FILES, IMAGE_MANIFEST
from capenh_pipeline.errors import StoreError
from capenh_pipeline.places.kept_rows import kept_rows
from capenh_pipeline.stages.caption_files import write_files
from capenh_pipeline.stages.image_manifest import build_image_manifest
from capenh_pipeline.stages.known_manifest import known_manifest
from capenh_pipeline_tests.images import colour
from capenh_pipeline_tests.memory import memory_folder
from capenh_pipeline_tests.stage_runs import NOTHING, Cost, StageRuns

IMAGES = ["a.png", "a.jpg", "a_combined.png", "a.png_combined.png", "A.bmp", "sub/a.png", "b.png"]
IMAGES += ["other/a.png", "other/a.jpg", "third/c.png"]
TEXTS = ["a.txt", "a.png.txt", "a_combined.txt", "a_combined.png.txt", "A.txt", "b.txt"]
TEXTS += ["other/a.txt", "other/a.jpg.txt", "third/c.txt"]
OURS = ["b_combined.txt", "z_combined.txt"]

changes = st.one_of(
    st.tuples(st.just("put"), st.sampled_from(IMAGES), st.integers(0, 3)),
    st.tuples(st.just("write"), st.sampled_from(TEXTS), st.sampled_from(["", "sks", "a dog"])),
    st.tuples(st.just("delete"), st.sampled_from([*IMAGES, *TEXTS, *OURS]), st.none()),
    st.tuples(st.just("move"), st.sampled_from(IMAGES), st.sampled_from(IMAGES)),
    st.tuples(st.just("touch"), st.sampled_from([*IMAGES, *TEXTS, *OURS]), st.none()),
)
doors = {
    "run": lambda runs: runs.run(),
    "manifest": lambda runs: build_image_manifest(runs.opened()),
    "export": lambda runs: write_files(runs.opened()),
    "other words": lambda runs: runs.run(trigger_word="ohwx"),
    "some images": lambda runs: runs.run(limit=2, trigger_word="ohwx"),
    "some shards": lambda runs: run_some_shards(replace(runs.opened(), shards=list("02468ace"))),
}


def run_some_shards(run):
    build_image_manifest(run)
    write_files(run)


def change_file(folder, what, name, other):
    path = folder / name
    if what == "put":
        colour(path, (other, 0, 0))
    elif what == "write":
        path.write_text(other)
    elif path.exists():
        if what == "move":
            path.rename(folder / other)
        elif what == "touch":
            path.touch()
        else:
            path.unlink()


def change_object(folder, what, name, other):
    """The same where what is moved or touched is written again."""
    place = folder / name
    if what == "put":
        with memory_folder() as drawn:
            place.put(colour(drawn / name, (other, 0, 0)).read_bytes())
    elif what == "write":
        place.put(other.encode())
    elif place.exists():
        content = place.read_bytes()
        place.unlink()
        if what != "delete":
            (folder / (other or name)).put(content)


def manifest(runs):
    rows = runs.opened().store.table(IMAGE_MANIFEST).read()
    return rows.drop("scanned_at").sort("path").to_dicts()


def forget_everything(runs):
    for name in ("settled", "listing"):
        folder = runs.opened().store.root / name
        if isinstance(folder, Path):
            shutil.rmtree(folder)
        else:
            for place in folder.objects():
                place.unlink()


OPTIONS = {"recursive": True, "write_policy": "overwrite"}


@contextmanager
def runs_on_disk(store=None):
    """Yield runs over a new dataset, whose store is beside the images if none is named."""
    with memory_folder() as folder:
        for name in ("sub", "other", "third"):
            (folder / "dataset" / name).mkdir(parents=True)
        yield StageRuns(folder / "dataset", {**OPTIONS, "store": store})


@pytest.fixture(params=["store", "dataset and store"])
def runs_in_bucket(request, s3_folder):
    """Return what yields runs over a new dataset, of which that is in a bucket."""

    @contextmanager
    def runs():
        folder = s3_folder / uuid4().hex
        if request.param == "store":
            with runs_on_disk(str(folder)) as started:
                yield started
        else:
            yield StageRuns(folder, OPTIONS)

    return runs


def live(runs, days, evening):
    """Let things happen between runs; then see what a run finds to do that knows nothing."""
    change = change_file if isinstance(runs.dataset, Path) else change_object
    change(runs.dataset, "put", "z.png", 9)
    for _ in range(3):
        runs.run()
    for day, door in days:
        for one in day:
            change(runs.dataset, *one)
        doors[door](runs)
    for one in evening:
        change(runs.dataset, *one)
    runs.run()
    assert known_manifest(runs.opened()) is not None
    found = manifest(runs)
    forget_everything(runs)

    assert runs.run() == NOTHING
    assert manifest(runs) == found


@pytest.fixture(params=[(1, 2), (8192, 2), (8192, 50_000)], ids=str)
def portions(request, monkeypatch):
    """Let a unit have so many files, and so many rows be held in memory."""
    unit_files, most_rows = request.param
    monkeypatch.setattr(units, "UNIT_FILES", unit_files)
    monkeypatch.setattr(buckets, "MOST_ROWS", most_rows)


random_days = given(
    days=st.lists(
        st.tuples(st.lists(changes, max_size=3), st.sampled_from([*doors])), min_size=1, max_size=5
    ),
    evening=st.lists(changes, max_size=2),
)
lasting = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.slow
@settings(lasting, max_examples=12)
@random_days
def test_nothing_is_left_to_do_for_a_run_that_knows_nothing(portions, days, evening):
    """Whatever comes, changes and goes between runs, names that exclude one another included.

    So it is where a scan is of many portions, whose rows are not held in memory.
    """
    with runs_on_disk() as runs:
        live(runs, days, evening)


BUSY_DAYS = [
    ([("put", "a.png", 1), ("put", "other/a.jpg", 2), ("write", "a.txt", "sks")], "other words"),
    ([("put", "a.jpg", 1), ("touch", "other/a.jpg", None)], "export"),
    ([("move", "a.png", "sub/a.png"), ("write", "a.txt", "a dog")], "some shards"),
    ([("delete", "z_combined.txt", None), ("put", "b.png", 3)], "run"),
    ([], "run"),  # which writes no file: all is settled
]
# another image of the same size, and a caption file of a shard in which nothing else happens
BUSY_EVENING = [("put", "sub/a.png", 3), ("delete", "a_combined.txt", None)]


@pytest.mark.slow
@pytest.mark.parametrize("portions", [(1, 2)], indirect=True, ids=str)
def test_nothing_is_left_to_do_after_busy_days_in_a_bucket(runs_in_bucket, portions):
    with runs_in_bucket() as runs:
        live(runs, BUSY_DAYS, BUSY_EVENING)


@pytest.mark.soak
@settings(lasting, max_examples=10, phases=[Phase.generate])  # to shrink days takes minutes
@random_days
def test_nothing_is_left_to_do_after_any_days_in_a_bucket(runs_in_bucket, portions, days, evening):
    with runs_in_bucket() as runs:
        live(runs, days, evening)


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
    assert [row["path"] for row in manifest(runs)] == ["\\xff/x.png"]
    (dataset / "\\xff" / "x.png").unlink()
    runs.run()
    assert [(row["path"], row["path_bytes"]) for row in manifest(runs)] == [
        ("\\xff/x.png", b"\xff/x.png")
    ]
