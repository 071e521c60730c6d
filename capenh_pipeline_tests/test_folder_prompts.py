"""Prompts of folders: whose they are, what they cost, and that they are asked."""

import pytest

from capenh_pipeline.domain.schemas import COMBINED_CAPTIONS, VLM_CAPTIONS
from capenh_pipeline_tests.images import draw
from capenh_pipeline_tests.pipeline import pipeline

OPTIONS = {"recursive": True, "folder_prompts": True}
PLACES = ["top.png", "a/one.png", "a/deep/two.png", "b/three.png"]


@pytest.fixture
def started(tmp_path):
    """Four images in a tree, after a run with no prompt in any folder."""
    for number, place in enumerate(PLACES):
        draw(tmp_path / "dataset" / place, number)
    with pipeline(tmp_path / "dataset", options=OPTIONS) as running:
        running.run()
        yield running


def write(started, name, text):
    (started.dataset / name).write_text(text)


def cost(work):
    return work.vlm_images, work.llm_requests


def test_the_nearest_prompt_upward_is_what_the_vlm_is_asked(started):
    write(started, "a/prompt.txt", "<CAPTION>\n")
    assert cost(started.run()) == (2, 2)
    write(started, "a/deep/prompt.txt", "<DETAILED_CAPTION>")
    assert cost(started.run()) == (1, 1)
    run = started.opened()
    asked = run.store.table(VLM_CAPTIONS).read()["prompt"].value_counts()
    assert dict(asked.iter_rows()) == {
        "<MORE_DETAILED_CAPTION>": 4,
        "<CAPTION>": 2,
        "<DETAILED_CAPTION>": 1,
    }


def test_the_nearest_llm_prompt_upward_is_what_the_llm_is_told(started):
    write(started, "llm_prompt.txt", "Top.")
    write(started, "a/deep/llm_prompt.txt", "Deep.")
    before = len(started.server.requests)
    assert cost(started.run()) == (0, 4)
    told = [request.system_prompt for request in started.server.requests[before:]]
    assert sorted(told) == ["Deep.", "Top.", "Top.", "Top."]
    rows = started.opened().store.table(COMBINED_CAPTIONS).read()
    assert sorted(rows["system_prompt"].unique())[:2] == ["Deep.", "Top."]


def test_a_prompt_that_goes_costs_nothing_and_brings_the_old_caption_back(started):
    before = (started.dataset / "a/one_combined.txt").read_text()
    write(started, "a/prompt.txt", "<CAPTION>")
    started.run()
    assert (started.dataset / "a/one_combined.txt").read_text() != before
    (started.dataset / "a/prompt.txt").unlink()
    assert cost(started.run()) == (0, 0)
    assert (started.dataset / "a/one_combined.txt").read_text() == before


def test_an_image_in_two_folders_has_a_caption_for_each_prompt(started):
    (started.dataset / "copy").mkdir()
    (started.dataset / "copy/one.png").write_bytes((started.dataset / "a/one.png").read_bytes())
    write(started, "a/prompt.txt", "<CAPTION>")
    write(started, "a/deep/prompt.txt", "<MORE_DETAILED_CAPTION>")
    assert cost(started.run()) == (1, 1)
    short = (started.dataset / "a/one_combined.txt").read_text()
    assert len(short) < len((started.dataset / "copy/one_combined.txt").read_text())


def test_without_the_option_the_files_mean_nothing(started):
    write(started, "prompt.txt", "<CAPTION>")
    assert cost(started.run(folder_prompts=False)) == (0, 0)
