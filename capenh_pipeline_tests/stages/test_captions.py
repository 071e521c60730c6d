"""The captions of a dataset with several prompts, one row an image file."""

import pytest

from capenh_pipeline.stages.captions import captions
from capenh_pipeline.stages.combined_captions import fill_combined_captions
from capenh_pipeline.stages.image_manifest import build_image_manifest
from capenh_pipeline_tests.fakes.llm import EchoLlm
from capenh_pipeline_tests.images import colour
from capenh_pipeline_tests.stages.vlm_rows import SHORT_AND_LONG, keep_captions


@pytest.fixture
def run(tmp_path, open_run):
    """Two equal images with different manual captions, one whose long caption failed, one new."""
    images = tmp_path / "images"
    for name, rgb in (("a", (1, 2, 3)), ("b", (1, 2, 3)), ("c", (4, 5, 6)), ("d", (7, 8, 9))):
        colour(images / f"{name}.png", rgb)
    (images / "b.txt").write_text("sks")
    run = open_run(prompt=SHORT_AND_LONG)
    build_image_manifest(run)
    said = {"a.png": {"short": "a", "long": "A."}, "c.png": {"short": "c", "long": None}}
    keep_captions(run, said)
    fill_combined_captions(run, connect=lambda choice: EchoLlm())
    return run


def test_each_image_file_stands_beside_all_its_captions_and_what_was_made_of_them(run):
    echo = '<vlm_caption name="short"> a </vlm_caption> <vlm_caption name="long"> A. </vlm_caption>'
    rows = captions(run).select("path", "manual_caption", "vlm_captions", "caption").rows()
    assert rows[0] == ("a.png", None, {"short": "a", "long": "A."}, echo)
    assert rows[1] == (
        "b.png",
        "sks",
        {"short": "a", "long": "A."},
        f"<manual_caption> sks </manual_caption> {echo}",
    )
    assert rows[2] == ("c.png", None, {"short": "c", "long": None}, None)
    assert (rows[3][0], rows[3][3]) == ("d.png", None)


def test_a_combined_caption_of_other_vlm_captions_is_not_shown(run, open_run):
    asked = open_run(prompt=SHORT_AND_LONG, llm_captions="short")
    assert captions(asked)["caption"].to_list() == [None] * 4
    fill_combined_captions(asked, connect=lambda choice: EchoLlm())
    alone = "<vlm_caption> a </vlm_caption>"
    assert captions(asked)["caption"].to_list() == [
        alone,
        f"<manual_caption> sks </manual_caption> {alone}",
        "<vlm_caption> c </vlm_caption>",
        None,
    ]
