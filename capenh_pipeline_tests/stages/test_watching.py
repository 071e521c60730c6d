"""Looks at a dataset again and again: what each of them sees, and what it need not look at."""

import os
from datetime import timedelta
from itertools import count, pairwise

import pytest

from capenh_pipeline.defs.run_tags import whole_range
from capenh_pipeline.stages.watch_place import Place
from capenh_pipeline.stages.watching import IN_TURN_S, Watch
from capenh_pipeline_tests.defs.watched import LATER, Watched

NOTHING = "Nothing has changed: 4 images."
FOLDERS = "abcd"


class InTurn(Watched):
    """A dataset of four folders: to list one takes all the time of a look, or many times that."""

    def __init__(self, folder, times=1):
        super().__init__(folder)
        self.times = times
        for number, name in enumerate(FOLDERS):
            self.add(f"{name}/image.png", (number, 0, 0))
            self.edit(name, "words")
        self.run(whole_range(1))
        self.forget()
        self.look()

    def forget(self):
        """Begin with what the store knows, as another process does."""
        clock = (number * (self.times * IN_TURN_S + 1e-9) for number in count())
        self.outside.watches[self.folder, True] = Watch(clock=lambda: next(clock))

    def edit(self, folder, words="in place"):
        (self.folder / folder / "image.txt").write_text(words)

    def looks_until_a_request(self):
        """Return how many looks there are before one requests a run, and what that says."""
        for number in range(100):
            said = self.look()
            if said.run_requests:
                return number, said
            assert said.skip_message == NOTHING
        pytest.fail("no run was requested")


@pytest.fixture
def in_turn(tmp_path):
    return InTurn(tmp_path / "images")


def test_each_look_lists_another_folder_in_full(in_turn):
    listed = [Place.read(in_turn.look().cursor).after for _ in range(6)]
    start = ["", *FOLDERS].index(listed[0])
    assert listed == (["", *FOLDERS] * 3)[start : start + 6]


@pytest.mark.parametrize("folder", FOLDERS)
def test_an_edit_in_place_is_seen_when_its_folder_has_its_turn(in_turn, folder):
    in_turn.edit(folder)
    looks, said = in_turn.looks_until_a_request()
    assert looks <= len(FOLDERS)
    assert Place.read(said.cursor).after == folder


def test_new_renamed_and_deleted_files_are_seen_at_once(in_turn):
    in_turn.add("a/new.png", (9, 9, 9))
    assert in_turn.requested() is not None
    (in_turn.folder / "c/image.png").rename(in_turn.folder / "c/renamed.png")
    assert in_turn.requested() is not None
    (in_turn.folder / "d/image.txt").unlink()
    assert in_turn.requested() is not None
    in_turn.add("new/folder/image.png", (8, 8, 8))
    assert in_turn.requested() is not None
    assert "Nothing has changed: 6" in in_turn.look().skip_message


def test_what_was_requested_is_not_requested_again_while_its_folder_is_not_listed(in_turn):
    in_turn.edit("b")
    in_turn.looks_until_a_request()
    for _ in range(12):
        assert in_turn.look().skip_message == NOTHING


def test_two_edits_that_have_their_turns_one_after_the_other_are_one_range(in_turn):
    for name in FOLDERS:
        in_turn.edit(name)
    requests = [in_turn.look().run_requests for _ in range(len(FOLDERS) + 1)]
    (last,) = [*filter(None, requests)][-1]
    in_turn.run(last.tags)
    for _ in range(12):
        assert not in_turn.look().run_requests


def test_another_process_requests_the_same_change_with_the_same_key(in_turn):
    in_turn.edit("b")
    _, said = in_turn.looks_until_a_request()
    in_turn.forget()
    assert in_turn.look().skip_message == "No image and no manual caption has changed."
    _, again = in_turn.looks_until_a_request()
    assert again.run_requests[0].run_key == said.run_requests[0].run_key


def test_a_change_that_nobody_has_dealt_with_is_found_again_by_another_process(in_turn):
    in_turn.edit("b")
    cursor = in_turn.cursor
    _, said = in_turn.looks_until_a_request()
    in_turn.forget()
    in_turn.cursor = cursor
    _, again = in_turn.looks_until_a_request()
    assert again.run_requests[0].tags == said.run_requests[0].tags


def test_a_file_that_waits_is_looked_at_again_at_the_next_look(in_turn):
    in_turn.edit("c")
    in_turn.ahead = timedelta()
    said = in_turn.look()
    while said.skip_message == NOTHING:
        said = in_turn.look()
    assert "may still be being written" in said.skip_message
    assert "may still be being written" in in_turn.look().skip_message
    in_turn.ahead = LATER
    assert in_turn.requested() is not None


def test_a_large_folder_has_its_turn_as_rarely_as_it_is_large(tmp_path):
    in_turn = InTurn(tmp_path / "images", times=8)
    listed = [Place.read(in_turn.look().cursor).after for _ in range(25)]
    turns = [n for n, (one, other) in enumerate(pairwise(listed)) if one != other]
    assert [later - turn for turn, later in pairwise(turns)] == [8, 8]


def test_caption_files_that_a_run_has_written_are_listed_once(tmp_path):
    in_turn = InTurn(tmp_path / "images", times=20)
    (in_turn.folder / "d/image_combined.txt").write_text("a caption")
    assert in_turn.look().skip_message == "No image and no manual caption has changed."
    (in_turn.folder / "d/image_combined.txt").write_text("bettered")
    assert in_turn.look().skip_message == NOTHING


def test_where_the_times_of_folders_are_trusted_none_has_a_turn(in_turn):
    in_turn.values["trust_dir_mtime"] = True
    in_turn.define()
    in_turn.edit("b")
    for _ in range(6):
        assert in_turn.look().skip_message == NOTHING


def test_where_no_manifest_may_be_gone_by_changes_are_seen_all_the_same(in_turn):
    in_turn.values["folder_prompts"] = True
    in_turn.define()
    in_turn.forget()
    in_turn.cursor = None
    in_turn.look()
    assert in_turn.look().skip_message == NOTHING
    in_turn.edit("b")
    looks, _ = in_turn.looks_until_a_request()
    assert looks <= len(FOLDERS)


def test_a_folder_whose_name_is_not_utf_8_has_its_turn_too(tmp_path):
    in_turn = InTurn(tmp_path / "images", times=1)
    odd = in_turn.folder / os.fsdecode(b"z\xff")
    in_turn.add(odd / "image.png", (7, 7, 7))
    assert in_turn.requested() is not None
    listed = {Place.read(in_turn.look().cursor).after for _ in range(6)}
    assert listed == {"", *FOLDERS, odd.name}
    assert in_turn.cursor.isascii()
