"""WebDataset shards as a dataset: what is in a tar costs what it costs in a folder."""

import os

import pytest

from capenh_pipeline.dataset.layers import Layers
from capenh_pipeline.dataset.scan import list_dataset
from capenh_pipeline.domain.identity import sha256_hex
from capenh_pipeline_tests.defs.watched import Watched
from capenh_pipeline_tests.stage_runs import NOTHING, Cost, StageRuns
from capenh_pipeline_tests.tars import png, write_tar

RED, GREEN, BLUE = png((200, 0, 0)), png((0, 200, 0)), png((0, 0, 200))
SHARD = {"000.png": RED, "000.txt": b"sks dog", "000.json": b"{}", "deep/001.png": GREEN}


@pytest.fixture
def runs(tmp_path):
    """A dataset of one shard, after a run."""
    write_tar(tmp_path / "data" / "train-0.tar", SHARD)
    started = StageRuns(tmp_path / "data", {"recursive": True, "tar_shards": True})
    assert started.run() == Cost(3, 2, 2, 2)
    return started


def test_members_are_rows_and_their_captions_lie_beside_the_tar(runs):
    found = runs.manifest()
    assert {path: row["image_hash"] for path, row in found.items()} == {
        "train-0/000.png": sha256_hex(RED),
        "train-0/deep/001.png": sha256_hex(GREEN),
    }
    assert found["train-0/000.png"]["manual_caption"] == "sks dog"
    assert found["train-0/000.png"]["size_bytes"] == len(RED)
    assert "sks dog" in (runs.dataset / "train-0" / "000_combined.txt").read_text()
    assert (runs.dataset / "train-0" / "deep" / "001_combined.txt").exists()
    assert sorted(path.name for path in runs.dataset.rglob("*.png")) == []


def test_a_second_run_reads_and_computes_nothing(runs):
    assert runs.run() == NOTHING
    assert runs.run(trust_dir_mtime=True) == NOTHING


def test_a_shard_that_was_unpacked_costs_nothing_but_a_look(runs):
    for name, content in SHARD.items():
        path = runs.dataset / "train-0" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    (runs.dataset / "train-0.tar").unlink()
    assert runs.run(tar_shards=False)._replace(files_read=0) == NOTHING
    assert len(runs.manifest()) == 2


@pytest.mark.parametrize("trust", [False, True])
def test_a_shard_that_is_replaced_costs_what_is_new_in_it(runs, trust):
    runs.run()
    other = write_tar(runs.dataset.parent / "other", {**SHARD, "002.png": BLUE})
    other.replace(runs.dataset / "train-0.tar")
    cost = runs.run(trust_dir_mtime=trust)
    assert cost == Cost(4, 1, 1, 1)  # all of the tar is read, as nobody knows what is new in it
    assert runs.run(trust_dir_mtime=trust) == NOTHING


def test_another_shard_and_one_that_is_gone(runs):
    write_tar(runs.dataset / "sub" / "train-1.tar", {"a.png": BLUE})
    assert runs.run() == Cost(1, 1, 1, 1)
    (runs.dataset / "train-0.tar").unlink()
    assert runs.run() == NOTHING
    assert [*runs.manifest()] == ["sub/train-1/a.png"]


def test_a_shard_that_goes_takes_its_rows_along_where_its_folder_is_as_it_was(runs):
    runs.run(trust_dir_mtime=True)
    runs.run(trust_dir_mtime=True)
    (runs.dataset / "b.png").write_bytes(BLUE)
    (runs.dataset / "train-0.tar").unlink()  # its folder has captions, which are younger
    runs.run(trust_dir_mtime=True)
    assert [*runs.manifest()] == ["b.png"]


def test_a_correction_in_the_folder_counts_before_the_tar(runs):
    (runs.dataset / "train-0" / "000.txt").write_text("sks cat")
    assert runs.run() == Cost(1, 0, 1, 1)
    assert "sks cat" in (runs.dataset / "train-0" / "000_combined.txt").read_text()


def test_an_edited_caption_of_a_member_is_kept_and_one_that_is_deleted_written_again(runs):
    caption = runs.dataset / "train-0" / "000_combined.txt"
    caption.write_text("a person's")
    (runs.dataset / "train-0" / "deep" / "001_combined.txt").unlink()
    assert runs.run() == Cost(0, 0, 0, 1)
    assert caption.read_text() == "a person's"
    assert runs.run() == NOTHING


def test_without_the_option_tars_are_left_alone(runs):
    (runs.dataset / "b.png").write_bytes(BLUE)
    runs.run(tar_shards=False)
    assert [*runs.manifest()] == ["b.png"]


def test_a_broken_shard_is_a_warning_and_what_is_whole_of_it_is_read(tmp_path):
    tar = write_tar(tmp_path / "data" / "x.tar", {"a.png": RED, "b.png": RED + b" " * 5000})
    os.truncate(tar, 3000)
    (tmp_path / "data" / "y.tar").write_bytes(b"no tar at all" * 99)
    found = list_dataset(tmp_path / "data", recursive=True, layers=Layers(tars=True))
    assert found.images()["path"].to_list() == ["x/a.png"]
    first, second = found.warnings
    assert first == "The rest of x.tar was skipped: it ends in its middle."
    assert second.startswith("The rest of y.tar was skipped: it is no whole tar file")


def test_what_could_not_be_read_is_tried_and_named_by_every_run(runs):
    tar, aside = runs.dataset / "train-0.tar", runs.dataset.parent / "aside"
    (runs.dataset / "link.tar").symlink_to(aside)  # leads nowhere yet
    os.truncate(write_tar(runs.dataset / "cut.tar", {"a.png": RED, "b.png": bytes(5000)}), 3000)
    for _ in range(3):
        runs.run(trust_dir_mtime=True)
        assert runs.reports[0].warnings == [
            "The rest of cut.tar was skipped: it ends in its middle."
        ]
    tar.replace(aside)
    runs.run(trust_dir_mtime=True)
    assert [*runs.manifest()] == ["cut/a.png", "link/000.png", "link/deep/001.png"]


def test_a_link_to_a_tar_that_may_not_be_read_costs_that_tar(ordinary_user):
    write_tar(ordinary_user / "closed" / "x.tar", {"a.png": RED})
    (ordinary_user / "data").mkdir()
    (ordinary_user / "data" / "b.png").write_bytes(BLUE)
    (ordinary_user / "data" / "x.tar").symlink_to("../closed/x.tar")
    (ordinary_user / "closed").chmod(0)
    found = list_dataset(ordinary_user / "data", recursive=True, layers=Layers(tars=True))
    assert found.images()["path"].to_list() == ["b.png"]
    assert found.warnings == ("The file x.tar was skipped: Permission denied.",)


def test_a_tar_beside_a_link_of_its_name_is_a_warning(runs):
    (runs.dataset / "x").symlink_to(runs.dataset.parent)
    write_tar(runs.dataset / "x.tar", {"a.png": BLUE})
    runs.run()
    assert runs.reports[0].warnings == ["The file x.tar was skipped: x is a link."]


def test_a_name_that_no_file_can_have_is_left_out(tmp_path):
    write_tar(tmp_path / "data" / "x.tar", {"a\0b.png": RED, "\u00fc\0.png": RED, "c.png": GREEN})
    found = list_dataset(tmp_path / "data", recursive=True, layers=Layers(tars=True))
    assert found.images()["path"].to_list() == ["x/c.png"]


def test_other_processes_look_into_tars_too(tmp_path):
    for number in range(6):
        write_tar(tmp_path / "d" / f"{number}.tar", {"deep/a.png": RED, "b.png": GREEN})
    found = list_dataset(tmp_path / "d", recursive=True, layers=Layers(tars=True), processes=2)
    names = [f"{number}/{name}" for number in range(6) for name in ("b.png", "deep/a.png")]
    assert found.images()["path"].to_list() == names


def test_a_sensor_sees_what_changes_in_a_tar_and_in_metadata(tmp_path):
    tar = write_tar(tmp_path / "data" / "x.tar", {"a.png": RED, "deep/b.png": GREEN})
    watched = Watched(tmp_path / "data")
    watched.values |= {"tar_shards": True, "metadata_captions": True}
    watched.define()
    assert watched.requested() is not None
    assert watched.look().skip_message == "Nothing has changed: 2 images."
    write_tar(tar, {"a.png": RED, "deep/b.png": BLUE})  # in place: no folder has another time
    shards = sorted(sha256_hex(content)[0] for content in (GREEN, BLUE))
    assert watched.requested() == (shards[0], shards[-1])  # a row that stays is none of the news
    metadata = tmp_path / "data" / "metadata.jsonl"
    metadata.write_text('{"file_name": "x/a.png", "text": "sks"}\n')
    assert watched.requested() == (sha256_hex(RED)[0], sha256_hex(RED)[0])
    metadata.write_text('{"file_name": "x/a.png", "text": "ohwx"}\n')
    assert watched.requested() == (sha256_hex(RED)[0], sha256_hex(RED)[0])
    assert watched.requested() is None
