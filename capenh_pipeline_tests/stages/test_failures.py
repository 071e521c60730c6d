"""What has failed where the VLM has several prompts."""

import pytest

from capenh_pipeline.stages.combined_captions import fill_combined_captions
from capenh_pipeline.stages.failures import failures
from capenh_pipeline.stages.image_manifest import build_image_manifest
from capenh_pipeline_tests.fakes.llm import EchoLlm
from capenh_pipeline_tests.images import colour
from capenh_pipeline_tests.stages.vlm_rows import SHORT_AND_LONG, keep_captions

SAID = {
    "a.png": {"short": "a", "long": "A."},
    "b.png": {"short": None, "long": "B."},
    "c.png": {"short": None, "long": None},
}


@pytest.fixture
def failed(tmp_path, open_run):
    """Return what failed of `SAID` with the given options."""
    for name, rgb in (("a", (1, 2, 3)), ("b", (4, 5, 6)), ("c", (7, 8, 9))):
        colour(tmp_path / "images" / f"{name}.png", rgb)

    def list_failures(**options):
        run = open_run(**options)
        build_image_manifest(run)
        keep_captions(run, SAID)
        fill_combined_captions(run, connect=lambda choice: EchoLlm())
        return failures(run).rows()

    return list_failures


def test_a_failure_names_the_prompts_that_failed_that_way(failed):
    assert failed(prompt=SHORT_AND_LONG) == [
        ("b.png", "vlm_captions", "empty", "The VLM said nothing. (prompt: short)"),
        ("c.png", "vlm_captions", "empty", "The VLM said nothing. (prompt: short, long)"),
    ]


def test_a_failed_caption_that_the_llm_is_not_told_is_named_all_the_same(failed):
    paths = [row[0] for row in failed(prompt=SHORT_AND_LONG, llm_captions="long")]
    assert paths == ["b.png", "c.png"]


def test_the_only_prompt_is_not_named(failed):
    assert failed(prompt="long=<DETAILED_CAPTION>") == [
        ("c.png", "vlm_captions", "empty", "The VLM said nothing.")
    ]


def test_a_prompt_that_is_asked_no_more_has_no_failures(failed):
    failed(prompt=SHORT_AND_LONG)
    assert [row[0] for row in failed(prompt="long=<DETAILED_CAPTION>")] == ["c.png"]
