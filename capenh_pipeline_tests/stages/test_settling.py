"""A note that nothing has changed spares a look, and never hides a change."""

import shutil
from contextlib import contextmanager
from dataclasses import replace

import polars as pl
import pytest

from capenh_pipeline.domain.options import option_fields
from capenh_pipeline.domain.schemas import IMAGE_MANIFEST, SCAN_INDEX
from capenh_pipeline.errors import StoreError
from capenh_pipeline.stages.caption_files import write_files
from capenh_pipeline.stages.image_manifest import build_image_manifest
from capenh_pipeline.stages.settling import WITHOUT_EFFECT, digest_of
from capenh_pipeline_tests.images import colour
from capenh_pipeline_tests.stage_runs import NOTHING, Cost


@pytest.fixture
def settled(runs):
    """Three captioned images, where nothing has changed for a run."""
    assert runs.run() == NOTHING
    return runs


def paths(runs):
    return sorted(runs.opened().store.table(IMAGE_MANIFEST).read()["path"])


def remove(runs, *names):
    for name in names:
        shutil.rmtree(runs.dataset / ".capenh" / name)


def test_a_table_that_is_lost_is_made_again(settled):
    before = paths(settled)
    for tables, cost in (
        (["vlm_captions"], Cost(0, 3, 0, 0)),
        (["combined_captions"], Cost(0, 0, 3, 0)),
        (["image_manifest"], NOTHING),
        (["caption_files"], NOTHING),
        (["scan_index", "image_manifest"], Cost(4, 0, 0, 0)),
    ):
        remove(settled, *tables)
        assert settled.run() == cost
        assert paths(settled) == before
    assert settled.run() == NOTHING


def test_an_earlier_state_of_a_table_that_is_put_back_is_not_taken_for_todays(settled):
    manifest = settled.dataset / ".capenh" / "image_manifest"
    shutil.copytree(manifest, settled.dataset / "backup")
    colour(settled.dataset / "new.png", (9, 9, 9))
    assert settled.run() == Cost(1, 1, 1, 1)
    assert settled.run() == NOTHING
    shutil.rmtree(manifest)
    (settled.dataset / "backup").rename(manifest)

    assert settled.run() == NOTHING
    assert paths(settled) == ["a.png", "new.png", "shared.bmp", "shared.png"]


def test_a_damaged_note_is_no_note(settled):
    (settled.dataset / "a.txt").write_text("sks dog")
    for damage in ("", "{", "[]", '{"0": 1}', '{"0": {"fingerprint": 1}}'):
        (settled.dataset / ".capenh" / "settled" / "image_manifest.json").write_text(damage)
        build_image_manifest(settled.opened())
    assert settled.run() == Cost(0, 0, 1, 1)


def test_a_caption_file_that_a_person_edits_is_kept_and_one_that_is_gone_comes_back(settled):
    ours = settled.dataset / "a_combined.txt"
    text = ours.read_text()
    ours.write_text("mine")
    assert settled.run() == NOTHING
    assert [*settled.reports[-1].kept_files.values()] == [["a_combined.txt"]]
    assert ours.read_text() == "mine"

    ours.unlink()
    assert settled.run() == Cost(0, 0, 0, 1)
    assert ours.read_text() == text


def test_the_file_of_an_image_that_was_away_for_one_look_is_written_when_it_is_back(settled):
    image, ours = settled.dataset / "a.png", settled.dataset / "a_combined.txt"
    image.rename(settled.dataset / "away")
    ours.unlink()
    write_files(settled.opened())
    (settled.dataset / "away").rename(image)

    assert settled.run() == Cost(1, 0, 0, 1)
    assert ours.exists()


@pytest.mark.parametrize("limit", [None, 2])
def test_files_that_a_run_of_other_options_has_written_are_looked_at_again(settled, limit):
    """Nobody but us has changed them, and the note of the first options still stands."""
    ours = settled.dataset / "a_combined.txt"
    text = ours.read_text()
    settled.run(trigger_word="ohwx", limit=limit)
    assert ours.read_text() != text

    settled.run()
    assert ours.read_text() == text


def test_an_option_that_changes_no_result_costs_no_look(settled):
    """No part can be read, and nobody tries."""
    store = settled.dataset / ".capenh"
    for part in store.glob("*/*/part-*"):
        part.write_bytes(b"damaged")
    for options in (
        {"concurrency": 3, "batch_size": 2, "num_workers": 3, "checkpoint_rows": 7},
        {"workers": 2, "devices": "cuda:0,cuda:1"},
        {"engine": "ray", "ray_address": "h:1", "ray_send_images": True, "batch_timeout_s": 9.0},
        {"image_timeout_s": 5.0, "llm_attempts": 1, "base_url": "http://y/v1"},
        {"write_policy": "overwrite", "store": str(store), "max_tokens_total": 1},
    ):
        assert settled.run(**options) == NOTHING
    with pytest.raises(StoreError):
        settled.run(llm_max_tokens=9)


def test_what_changes_no_result_are_options():
    assert {option.name for option in option_fields()} >= WITHOUT_EFFECT


def test_a_prompt_file_that_is_edited_makes_its_captions_anew(settled, tmp_path):
    costs = {"vlm_system_prompt": Cost(0, 3, 0, 0), "llm_system_prompt": Cost(0, 0, 3, 0)}
    for option, cost in costs.items():
        prompt = tmp_path / option
        for text in ("one", "two"):
            prompt.write_text(text)
            assert settled.run(**{option: str(prompt)}) == cost
            assert settled.run(**{option: str(prompt)}) == NOTHING


def test_locked_terms_that_are_edited_reach_the_files(settled, tmp_path):
    terms = tmp_path / "terms.txt"
    terms.write_text("dog")
    settled.options["locked_terms"] = str(terms)
    assert settled.run() == NOTHING
    terms.write_text("SKS")

    assert settled.run() == Cost(0, 0, 0, 1)
    assert "SKS" in (settled.dataset / "a_combined.txt").read_text()


@pytest.mark.soak
def test_a_prompt_of_a_folder_that_appears_changes_and_goes_counts(settled):
    options = {"folder_prompts": True, "recursive": True}
    colour(settled.dataset / "sub" / "b.png", (7, 7, 7))
    assert settled.run(**options) == Cost(1, 1, 1, 1)
    prompt = settled.dataset / "sub" / "prompt.txt"
    prompt.write_text("look")
    assert settled.run(**options)[1:] == (1, 1, 1)
    prompt.write_text("gaze")
    assert settled.run(**options)[1:] == (1, 1, 1)
    prompt.unlink()
    assert settled.run(**options)[1:] == (0, 0, 1)


def test_other_options_of_a_run_between_two_others_do_not_show_in_the_second(settled):
    colour(settled.dataset / "sub" / "b.png", (7, 7, 7))
    everything = ["a.png", "shared.bmp", "shared.png", "sub/b.png"]
    for options in ({"limit": 1}, {"caption_suffix": ".none"}, {"retry_failed": True}, {}):
        build_image_manifest(settled.opened(recursive=True))
        assert paths(settled) == everything
        build_image_manifest(settled.opened(**options))
    build_image_manifest(settled.opened(recursive=True))
    assert paths(settled) == everything


def test_an_image_that_failed_is_looked_at_again_on_request(settled):
    (settled.dataset / "bad.png").write_bytes(b"no image")
    assert settled.run() == Cost(1, 0, 0, 0)
    assert settled.run() == NOTHING
    assert settled.run(retry_failed=True) == Cost(1, 0, 0, 0)


@pytest.mark.parametrize(
    "moment", [pytest.param(moment, marks=pytest.mark.soak) for moment in range(1, 16)] + [16]
)
def test_what_another_run_puts_into_the_manifest_meanwhile_is_not_taken_for_ours(settled, moment):
    """The clock is read once for each of the 16 shards: at some of them another run does all."""
    colour(settled.dataset / "sub" / "b.png", (7, 7, 7))
    build_image_manifest(settled.opened(recursive=True))
    build_image_manifest(settled.opened())
    moments = iter(range(17))  # the first is the beginning of the scan
    time = settled.now()

    def now():
        if next(moments) == moment:
            build_image_manifest(settled.opened())
        return time

    build_image_manifest(replace(settled.opened(recursive=True), now=now))
    assert next(moments, None) is None

    build_image_manifest(settled.opened(recursive=True))
    assert "sub/b.png" in paths(settled)


def test_a_file_that_a_slower_run_has_seen_otherwise_is_not_forgotten(settled):
    """It listed the file before it changed, and writes that into the index after us."""
    index = settled.opened().store.table(SCAN_INDEX)
    before = index.read().filter(path="a.png")
    colour(settled.dataset / "a.png", (0, 0, 9))

    class SlowerRun:
        @contextmanager
        def stage(self, name, total):
            yield lambda: None
            index.append(before)

    build_image_manifest(replace(settled.opened(), progress=SlowerRun()))
    settled.run()

    assert paths(settled) == ["a.png", "shared.bmp", "shared.png"]
    assert "(0, 0, 9)" in (settled.dataset / "a_combined.txt").read_text()


FILES = pl.DataFrame(
    {
        "path": ["a", "b"],
        "path_bytes": [None, b"b"],
        "size_bytes": [1, 2],
        "mtime_ns": [10, 20],
        "ctime_ns": [30, 40],
    }
)


@pytest.mark.parametrize("column", FILES.columns)
def test_a_digest_tells_files_that_exchange_something(column):
    exchanged = FILES.with_columns(pl.col(column).reverse())
    assert digest_of(exchanged) != digest_of(FILES)
    assert digest_of(FILES.reverse()) == digest_of(FILES)


def test_a_digest_tells_times_that_change_places():
    exchanged = FILES.rename({"mtime_ns": "ctime_ns", "ctime_ns": "mtime_ns"})
    assert digest_of(exchanged.select(FILES.columns)) != digest_of(FILES)
