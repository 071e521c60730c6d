"""The sensor: which changes of a dataset make it request a run, and over which shards."""

import hashlib
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from capenh_pipeline.defs import sensors
from capenh_pipeline.defs.jobs import enhance_captions
from capenh_pipeline.defs.names import Names
from capenh_pipeline.defs.pipeline import pipeline_definitions
from capenh_pipeline.defs.resources import Outside
from capenh_pipeline.domain.deployment import Deployment
from capenh_pipeline.stages import landed_files
from capenh_pipeline_tests.defs.watched import LATER, Watched, tick


@pytest.fixture
def watched(tmp_path):
    dataset = Watched(tmp_path / "images")
    for number in range(4):
        dataset.add(f"{number}.png", (number, 0, 0))
    assert dataset.requested() is not None
    return dataset


def shards_of(*paths):
    found = sorted(hashlib.sha256(path.read_bytes()).hexdigest()[0] for path in paths)
    return found[0], found[-1]


def test_nothing_changed_is_a_skip_with_its_reason(watched):
    said = watched.look()
    assert said.run_requests == []
    assert said.skip_message == "Nothing has changed: 4 images."


def test_new_images_are_one_request_over_the_shards_between_them(watched):
    new = [watched.add(f"new{number}.png", (9, number, 0)) for number in range(3)]
    assert watched.requested() == shards_of(*new)
    assert watched.requested() is None


def test_an_edited_manual_caption_is_a_change_of_its_images_shard(watched):
    (watched.folder / "2.txt").write_text("a red thing")
    assert watched.requested() == shards_of(watched.folder / "2.png")
    (watched.folder / "2.txt").write_text("a blue thing")
    assert watched.requested() == shards_of(watched.folder / "2.png")
    (watched.folder / "2.txt").unlink()
    assert watched.requested() == shards_of(watched.folder / "2.png")
    assert watched.requested() is None


def test_a_deleted_image_is_a_change_of_the_shard_that_it_was_in(watched):
    shard = shards_of(watched.folder / "1.png")
    (watched.folder / "1.png").unlink()
    assert watched.requested() == shard
    assert watched.requested() is None


def test_a_caption_file_of_ours_is_no_reason_to_run(watched):
    (watched.folder / "1_combined.txt").write_text("what a run writes, or a person betters")
    said = watched.look()
    assert (said.run_requests, said.skip_message) == (
        [],
        "No image and no manual caption has changed.",
    )


def test_a_file_that_is_still_being_written_waits(watched):
    watched.ahead = timedelta()
    new = watched.add("new.png", (7, 7, 7))
    assert "may still be being written" in watched.look().skip_message
    watched.ahead = LATER
    assert watched.requested() == shards_of(new)


def test_an_image_waits_for_its_manual_caption_to_be_written(watched, monkeypatch):
    caption = watched.folder / "3.txt"
    caption.write_text("half a sen")
    written, drawn = (path.stat().st_ctime_ns for path in (caption, watched.folder / "3.png"))
    watched.clock = datetime.fromtimestamp(written / 1e9 + 1, UTC)
    monkeypatch.setattr(landed_files, "SETTLED_NS", 10**9 + (written - drawn) // 2)
    assert watched.look().skip_message.startswith("1 file(s) may still be being written")
    watched.clock = None
    assert watched.requested() == shards_of(watched.folder / "3.png")


def test_the_same_change_has_the_same_run_key_and_another_one_has_another(watched):
    watched.add("a.png", (5, 5, 5))
    first = watched.look().run_requests[0].run_key
    watched.cursor = None
    assert watched.look().run_requests[0].run_key == first
    watched.add("b.png", (6, 6, 6))
    assert watched.look().run_requests[0].run_key != first


def test_an_edit_back_and_forth_has_a_new_key_each_time(watched):
    keys = set()
    for words in ("one", "two", "one", "two"):
        (watched.folder / "0.txt").write_text(words)
        said = watched.look()
        keys.add(said.run_requests[0].run_key)
        watched.run(said.run_requests[0].tags)
    assert len(keys) == 4


def test_of_many_new_files_none_is_read_and_all_shards_are_requested(watched, monkeypatch):
    monkeypatch.setattr(landed_files, "MOST_FILES", 2)
    for number in range(3):
        watched.add(f"many{number}.png", (number, 8, 8))
    assert watched.requested() == ("0", "f")
    assert watched.requested() is None


def test_a_look_that_takes_too_long_goes_on_at_the_next_tick(watched, monkeypatch):
    new = watched.add("deep/er/new.png", (4, 4, 4))
    monkeypatch.setattr(sensors, "BUDGET_S", 0.0)
    assert "goes on next time" in watched.look().skip_message
    assert "goes on next time" in watched.look().skip_message
    assert watched.requested() == shards_of(new)


def test_a_folder_that_is_gone_is_said_and_requests_nothing(watched):
    watched.folder.rename(watched.folder.with_name("unplugged"))
    said = watched.look()
    assert said.run_requests == []
    assert "name the folder that holds the images" in said.skip_message


def test_without_a_dataset_the_sensor_says_which_option_is_missing():
    definitions = pipeline_definitions({}, Outside(environment=dict), Deployment())
    said = tick(definitions, None)
    assert "CAPENH_DATASET_DIR" in said.skip_message


def test_it_runs_only_where_the_deployment_says_so():
    off, on = (
        sensors.new_images(Names(), enhance_captions(Names(), {}), Deployment(watch=is_on))
        for is_on in (False, True)
    )
    assert off.default_status is dg.DefaultSensorStatus.STOPPED
    assert on.default_status is dg.DefaultSensorStatus.RUNNING
    assert on.minimum_interval_seconds == 60


def test_where_the_times_of_folders_are_trusted_new_images_are_seen_all_the_same(tmp_path):
    watched = Watched(tmp_path / "images")
    watched.values["trust_dir_mtime"] = True
    watched.add("folder/first.png", (1, 1, 1))
    watched.define()
    assert watched.requested() is not None
    new = watched.add("folder/second.png", (2, 2, 2))
    assert watched.requested() == shards_of(new)
    assert watched.requested() is None
