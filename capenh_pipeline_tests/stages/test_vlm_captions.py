"""VLM captions: one for each distinct image and recipe, with its provenance."""

import json
import shutil

import pytest

from capenh_pipeline.domain.schemas import VLM_CAPTIONS
from capenh_pipeline.models.base import VlmReply
from capenh_pipeline.stages.image_manifest import build_image_manifest
from capenh_pipeline.stages.vlm_captions import fill_vlm_captions
from capenh_pipeline_tests.fakes.fragile_decoder import DEADLY
from capenh_pipeline_tests.fakes.vlm import ColourVlm, CountingLoader
from capenh_pipeline_tests.images import colour

RED = (255, 0, 0)


@pytest.fixture
def images(tmp_path):
    colour(tmp_path / "images" / "a.png", (1, 2, 3))
    colour(tmp_path / "images" / "red.png", RED)
    shutil.copy(tmp_path / "images" / "a.png", tmp_path / "images" / "copy-of-a.png")
    return tmp_path / "images"


def fill(open_run, load=ColourVlm, before_load=lambda: None, **options):
    run = open_run(prompt="see", **options)
    build_image_manifest(run)
    fill_vlm_captions(run, load=load, before_load=before_load)
    return run.store.table(VLM_CAPTIONS).read().sort("caption", nulls_last=True)


def red_fails(settings):
    return ColourVlm(settings, fails=lambda rgb: rgb == RED)


def test_files_of_equal_bytes_share_one_caption(images, open_run):
    loader = CountingLoader(ColourVlm)
    rows = fill(open_run, loader)
    assert rows["caption"].to_list() == ["see (1, 2, 3)", "see (255, 0, 0)"]
    assert loader.images == 2


def test_a_row_says_where_it_came_from(images, open_run):
    row = fill(open_run, max_new_tokens=77, model_id="someone/model").row(0, named=True)
    assert (row["model_id"], row["effective_model_id"]) == ("someone/model", "colour")
    assert (row["prompt"], row["run_id"], row["attempts"]) == ("see", "test", 1)
    assert (row["finish_reason"], row["new_tokens"], row["status"]) == ("stop", 3, "ok")
    assert json.loads(row["options"])["max_new_tokens"] == 77
    assert row["created_at"] is not None


def test_what_would_stop_the_run_later_is_asked_before_the_model_is_loaded(images, open_run):
    events = []

    def load(settings):
        events.append("load")
        return ColourVlm(settings)

    fill(open_run, load, lambda: events.append("check"))
    assert events == ["check", "load"]
    fill(open_run, load, lambda: events.append("check"))
    assert events == ["check", "load"]


def test_a_failed_image_is_tried_again_only_when_told_to(images, open_run):
    rows = fill(open_run, red_fails)
    assert rows.select("status", "error_kind").rows() == [("ok", None), ("failed", "model_error")]
    loader = CountingLoader(ColourVlm)
    fill(open_run, loader)
    assert loader.loads == 0
    rows = fill(open_run, loader, retry_failed=True)
    assert loader.images == 1
    assert rows["status"].to_list() == ["ok", "ok"]


def test_captions_of_an_earlier_recipe_stay(images, open_run):
    fill(open_run)
    rows = fill(open_run, max_new_tokens=9)
    assert rows.height == 4
    assert rows["recipe_hash"].n_unique() == 2


def test_a_model_that_says_nothing_is_a_failed_row(images, open_run):
    class SilentVlm(ColourVlm):
        def reply(self, text, generation):
            return VlmReply("", "stop", 1)

    assert set(fill(open_run, SilentVlm)["error_kind"]) == {"empty"}


def test_an_image_that_ends_its_process_costs_its_own_row_and_is_left_alone(
    fragile_decoder, images, open_run
):
    colour(images / "deadly.png", DEADLY)
    rows = fill(open_run, isolate_images=True)
    assert rows.select("caption", "error_kind").rows() == [
        ("see (1, 2, 3)", None),
        ("see (255, 0, 0)", None),
        (None, "crashed"),
    ]
    loader = CountingLoader(ColourVlm)
    fill(open_run, loader, isolate_images=True)
    assert loader.loads == 0


def test_a_row_of_a_second_attempt_says_how_that_was_made(images, open_run):
    class LoopingVlm(ColourVlm):
        def reply(self, text, generation):
            good = generation.no_repeat_ngram_size or "255" in text
            return VlmReply(text if good else "and so on " * 6, "stop", 3)

    rows = fill(open_run, LoopingVlm).select("caption", "attempts", "options").rows()
    assert [
        (caption, attempts, json.loads(options)["effective"]["no_repeat_ngram_size"])
        for caption, attempts, options in rows
    ] == [("see (1, 2, 3)", 2, 3), ("see (255, 0, 0)", 1, 0)]
