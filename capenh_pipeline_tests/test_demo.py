"""The demo, as a newcomer runs it: real models, a real local LLM server, nothing from outside."""

import pytest

from capenh_pipeline.demo.dataset import true_merges
from capenh_pipeline_tests.command import capenh

pytestmark = pytest.mark.slow

IMAGES = 24


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The folder of a demo that was run once, and what the command said."""
    folder = tmp_path_factory.mktemp("demo")
    return folder, capenh("demo", "here", cwd=folder, OPENAI_API_KEY="unused-canary")


def test_it_captions_every_image_and_says_where_the_files_are(demo):
    folder, done = demo
    assert done.returncode == 0, done.stderr
    assert len(list((folder / "here").rglob("*_combined.txt"))) == IMAGES
    assert str(folder / "here") in done.stdout
    assert "capenh ui" in done.stdout


def test_the_captions_are_true(demo):
    folder, _ = demo
    wrong = {}
    for path, caption in true_merges().items():
        written = (folder / "here" / path).with_name(combined_name(path)).read_text()
        if written != f"{caption}\n":
            wrong[path] = written
    assert len(wrong) <= 1, wrong  # the tiny models are right in 99 of 100


def combined_name(path):
    return path.rpartition("/")[2].rpartition(".")[0] + "_combined.txt"


def test_its_table_shows_what_people_and_models_wrote(demo):
    _, done = demo
    table = [line.split() for line in done.stdout.splitlines()]
    rows = [words for words in table if words[:1] == ["001.jpg"]]
    assert len(rows) == 1
    assert rows[0][1:6] == ["sks", "circle", "The", "image", "shows"]
    assert sum(words[:1] == ["002.jpg"] and words[1] == "-" for words in table) == 1


def test_run_again_it_computes_nothing_and_says_so(demo):
    folder, _ = demo
    again = capenh("demo", "here", cwd=folder)
    assert again.returncode == 0, again.stderr
    assert "Nothing to do" in again.stdout


def test_from_its_folder_the_other_doors_know_its_options(demo):
    folder, _ = demo
    again = capenh("enhance", cwd=folder / "here")
    assert again.returncode == 0, again.stderr
    assert "Nothing to do" in again.stdout
