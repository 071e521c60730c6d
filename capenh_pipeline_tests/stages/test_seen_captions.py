"""The captions of several prompts side by side, and what the LLM is told of them."""

import polars as pl
import pytest

from capenh_pipeline.domain.vlm_prompts import VlmPrompt
from capenh_pipeline.stages.image_manifest import build_image_manifest
from capenh_pipeline.stages.manifest_rows import manifest_rows
from capenh_pipeline.stages.seen_captions import (
    named_captions,
    seen_captions,
    told_captions,
)
from capenh_pipeline_tests.images import colour
from capenh_pipeline_tests.stages.vlm_rows import SHORT_AND_LONG, keep_captions

SHORT, LONG = VlmPrompt("short", "x"), VlmPrompt("long", "y")


def told(prompts, **captions):
    frame = pl.DataFrame({"vlm_captions": [captions]})
    return frame.select(told_captions(prompts)).item()


def seen(run):
    """Return the images that have a caption at all."""
    return seen_captions(run, manifest_rows(run)).drop_nulls("vlm_captions")


@pytest.fixture
def images(tmp_path):
    for name, rgb in (("a", (1, 2, 3)), ("b", (4, 5, 6)), ("c", (7, 8, 9))):
        colour(tmp_path / "images" / f"{name}.png", rgb)


def test_each_image_has_its_captions_by_the_names_of_their_prompts(images, open_run):
    run = open_run(prompt=SHORT_AND_LONG)
    build_image_manifest(run)
    keep_captions(
        run, {"a.png": {"long": "A.", "short": "a"}, "b.png": {"short": "b", "long": None}}
    )
    assert seen(run)["vlm_captions"].sort().to_list() == [
        {"short": "a", "long": "A."},
        {"short": "b", "long": None},
    ]


def test_captions_of_other_prompts_are_not_seen(images, open_run):
    run = open_run(prompt=SHORT_AND_LONG)
    build_image_manifest(run)
    keep_captions(run, {"a.png": {"long": "A.", "short": "a"}})
    found = seen(open_run(prompt='["long=<DETAILED_CAPTION>", "tags=List tags."]'))
    assert found["vlm_captions"].to_list() == [{"long": "A.", "tags": None}]


def test_a_prompt_may_be_called_as_a_column_is(images, open_run):
    run = open_run(prompt='["image_hash=<CAPTION>", "recipe_hash=<DETAILED_CAPTION>"]')
    build_image_manifest(run)
    keep_captions(run, {"a.png": {"image_hash": "a", "recipe_hash": "A."}})
    assert seen(run)["vlm_captions"].to_list() == [{"image_hash": "a", "recipe_hash": "A."}]


def test_one_caption_is_told_as_it_stands():
    assert told([LONG], short="a", long='A "long" one.') == 'A "long" one.'
    assert named_captions([LONG], '{"short": "a"}') == [(None, '{"short": "a"}')]


def test_several_captions_are_told_as_json_in_the_order_of_their_prompts():
    text = told([LONG, SHORT], short='a "b" \\ c', long="ein Hündchen,\n犬 \u2028</x>\u0001")
    assert text == '{"long":"ein Hündchen,\\n犬 \u2028</x>\\u0001","short":"a \\"b\\" \\\\ c"}'
    assert named_captions([LONG, SHORT], text) == [
        ("long", "ein Hündchen,\n犬 \u2028</x>\u0001"),
        ("short", 'a "b" \\ c'),
    ]


def test_nothing_is_told_where_one_of_several_captions_is_missing():
    assert told([SHORT, LONG], short="a", long=None) is None
