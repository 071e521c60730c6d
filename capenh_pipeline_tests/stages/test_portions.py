"""A scan of a large dataset is gone through in portions, and finds what it would find at once."""

import shutil
from datetime import UTC, datetime

import polars as pl
import pytest

from capenh_pipeline import buckets
from capenh_pipeline.domain.schemas import IMAGE_MANIFEST, SCAN_INDEX
from capenh_pipeline.stages.landed_files import changes
from capenh_pipeline.stages.ledger import FileRows
from capenh_pipeline.stages.plan import plan
from capenh_pipeline.stages.run_scan import begin_scan
from capenh_pipeline.stages.written_files import LedgerCopies
from capenh_pipeline_tests.images import colour
from capenh_pipeline_tests.memory import memory_folder
from capenh_pipeline_tests.stage_runs import NOTHING, Cost, StageRuns, later

FOLDERS, IMAGES = 16, 3


@pytest.fixture
def runs():
    """Runs over 48 images, each with a manual caption."""
    with memory_folder() as folder:
        for number in range(FOLDERS * IMAGES):
            path = folder / f"{number % FOLDERS:02}" / f"{number:03}.png"
            colour(path, (number, 0, 0)).with_suffix(".txt").write_text(f"sks {number}")
        yield StageRuns(folder, {"recursive": True})


@pytest.fixture
def many_portions(monkeypatch):
    monkeypatch.setattr(buckets, "MOST_ROWS", 20)


@pytest.mark.usefixtures("many_portions")
def test_no_portion_is_larger_than_a_few_folders(runs):
    portions = [portion.images for portion in begin_scan(runs.opened()).portions()]
    assert sum(map(len, portions)) == FOLDERS * IMAGES
    assert len(portions) > 3
    assert max(map(len, portions)) <= 20


def captions(runs):
    rows = runs.opened().store.table(IMAGE_MANIFEST).read()
    return dict(rows.select("path", "manual_caption").iter_rows())


@pytest.mark.usefixtures("many_portions")
def test_a_first_run_of_many_portions_computes_everything_once(runs):
    images = FOLDERS * IMAGES
    assert runs.run() == Cost(2 * images, images, images, images)
    expected = {
        f"{number % FOLDERS:02}/{number:03}.png": f"sks {number}" for number in range(images)
    }
    assert captions(runs) == expected
    assert runs.run() == NOTHING


@pytest.mark.slow
@pytest.mark.usefixtures("many_portions")
def test_the_limit_counts_over_all_portions_in_path_order(runs):
    assert runs.run(limit=5).vlm_images == 5
    assert sorted(captions(runs)) == [
        "00/000.png",
        "00/016.png",
        "00/032.png",
        "01/001.png",
        "01/017.png",
    ]
    runs.run()
    (runs.dataset / "00" / "000.png").unlink()
    (runs.dataset / "15" / "047.png").unlink()
    runs.run(limit=5)
    assert len(captions(runs)) == FOLDERS * IMAGES - 2, (
        "what is beyond the limit stays, if it is there"
    )


def test_the_sensor_names_a_change_alike_whatever_the_portions(runs, monkeypatch):
    runs.run()
    for name in ("05/005.png", "10/010.png"):
        (runs.dataset / name).unlink()
    (runs.dataset / "12" / "012.txt").write_text("a dog")
    found = []
    for most_rows in (20, 50_000):
        monkeypatch.setattr(buckets, "MOST_ROWS", most_rows)
        run = runs.opened()
        found.append(changes(run, begin_scan(run)))
    assert found[0].images == 3
    assert found[0] == found[1]


@pytest.mark.usefixtures("many_portions")
def test_a_clock_that_is_late_loses_no_change(runs):
    """A file changed by another clock, and in the middle of a look ours gets there, too."""
    runs.run()
    runs.run()
    (runs.dataset / "05" / "005.txt").write_text("a dog")
    for calls in range(6):
        times = iter([datetime(1999, 1, 1, tzinfo=UTC)] * calls)
        runs.now = lambda times=times: next(times, later())
        run = runs.opened()
        found = changes(run, begin_scan(run))
        assert found.images == 1 or found.waiting


def test_a_table_is_not_read_again_and_again_for_a_few_files_of_each_portion(runs):
    runs.run()
    run = runs.opened()
    files = run.store.table(SCAN_INDEX).read(columns=["path", "path_bytes"])
    index = FileRows(run, SCAN_INDEX, columns=["path", "size_bytes"])
    for first in range(0, files.height, 4):
        some = files[first : first + 4]
        assert index.of(some)["path"].sort().equals(some["path"].sort())
    shutil.rmtree(runs.dataset / ".capenh" / SCAN_INDEX.name)
    found = pl.concat([index.of(files[first : first + 4]) for first in range(0, files.height, 4)])
    assert found.height == files.height


def test_a_plan_of_many_portions_is_made_of_a_store_that_may_only_be_read(
    ordinary_user, monkeypatch
):
    for number in range(9):
        colour(ordinary_user / "images" / str(number) / "a.png", (number, 0, 0))
    runs = StageRuns(ordinary_user / "images", {"recursive": True})
    runs.run()
    store = runs.dataset / ".capenh"
    for path in (store, *store.rglob("*")):
        path.chmod(0o555)
    monkeypatch.setattr(buckets, "MOST_ROWS", 2)
    found = plan(runs.opened())
    assert (found.images, found.vlm_rows) == (9, 0)


@pytest.mark.usefixtures("many_portions")
def test_copies_of_the_ledger_that_are_lost_are_made_again_as_they_were(runs):
    runs.run()
    run = runs.opened()
    kept = {shard: LedgerCopies(run).of(shard) for shard in run.shards}
    assert sum(rows.height for rows in kept.values()) == FOLDERS * IMAGES
    shutil.rmtree(runs.dataset / ".capenh" / "settled")
    copies = LedgerCopies(run)
    for shard, rows in kept.items():
        assert copies.of(shard).sort("path").equals(rows)
    assert runs.run() == NOTHING
