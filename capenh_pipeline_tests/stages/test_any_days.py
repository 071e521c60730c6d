"""Whatever happened to a dataset, a run that goes by what has changed leaves nothing to do."""

import shutil
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from capenh_pipeline import buckets
from capenh_pipeline.dataset import units
from capenh_pipeline.stages.caption_files import write_files
from capenh_pipeline.stages.image_manifest import build_image_manifest
from capenh_pipeline.stages.known_manifest import known_manifest
from capenh_pipeline_tests.images import colour
from capenh_pipeline_tests.memory import memory_folder
from capenh_pipeline_tests.stage_runs import NOTHING, StageRuns

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


def facts(runs):
    return [{**row, "scanned_at": None} for row in runs.manifest().values()]


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
    found = facts(runs)
    forget_everything(runs)

    assert runs.run() == NOTHING
    assert facts(runs) == found


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
