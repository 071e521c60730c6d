"""The table of the design, row by row: what changed, and what is computed.

VLM images are counted where they reach the model, LLM requests where they reach the server.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from capenh_pipeline.demo.checkpoints import FLORENCE_FOLDER
from capenh_pipeline.domain.vlm_prompts import joined_prompts
from capenh_pipeline_tests.images import draw
from capenh_pipeline_tests.pipeline import Pipeline, Work, pipeline

IMAGES = 4
SHORT, LONG = "short=<CAPTION>", "long=<MORE_DETAILED_CAPTION>"  # the latter is the default


@pytest.fixture(scope="module")
def first_run(tmp_path_factory):
    """Four images, one with a manual caption, after a first run."""
    dataset = tmp_path_factory.mktemp("first") / "dataset"
    for number in range(IMAGES):
        draw(dataset / f"{number}.png", number)
    (dataset / "0.txt").write_text("sks circle")
    with pipeline(dataset) as started:
        assert cost(started.run()) == (1, IMAGES, IMAGES, IMAGES)
        assert started.server.model_lists == 1  # asked before the model was loaded
    return dataset


@pytest.fixture
def captioned(first_run, tmp_path):
    """A copy of the dataset and its store after the first run."""
    with pipeline(shutil.copytree(first_run, tmp_path / "dataset")) as started:
        yield started


def cost(work: Work) -> tuple[int, int, int, int]:
    """Return model loads, VLM images, LLM requests and caption files written."""
    return work[:4]


def combined(started: Pipeline, name: str) -> str:
    return (started.dataset / f"{name}_combined.txt").read_text()


def test_nothing_changed_nothing_is_computed(captioned):
    assert cost(captioned.run()) == (0, 0, 0, 0)
    assert captioned.server.model_lists == 0


@pytest.mark.slow
def test_nothing_changed_no_model_library_is_even_imported(captioned):
    words = ["enhance", "--dataset_dir", str(captioned.dataset), "--model_id", str(FLORENCE_FOLDER)]
    words += ["--base_url", captioned.server.base_url, "--model", "test-model"]
    program = (
        "import sys\nfrom capenh_pipeline.cli import main\n"
        f"code = main({words!r})\n"
        "print(code, *[m for m in ('torch', 'transformers', 'openai') if m in sys.modules])"
    )
    done = subprocess.run(  # noqa: S603  # our own interpreter
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert "Nothing to do" in done.stdout
    assert done.stdout.splitlines()[-1] == "0"
    assert captioned.server.requests == []


def test_a_new_image_costs_its_own_rows(captioned):
    caption = draw(captioned.dataset / "new.png", 99)
    assert cost(captioned.run()) == (1, 1, 1, 1)
    assert combined(captioned, "new") == f"{caption}\n"


def test_a_renamed_image_costs_nothing_but_its_file(captioned):
    before = combined(captioned, "1")
    (captioned.dataset / "1.png").rename(captioned.dataset / "renamed.png")
    assert cost(captioned.run()) == (0, 0, 0, 1)
    assert combined(captioned, "renamed") == before


def test_a_moved_image_costs_nothing_but_its_file(captioned):
    (captioned.dataset / "sub").mkdir()
    (captioned.dataset / "1.png").rename(captioned.dataset / "sub" / "1.png")
    assert cost(captioned.run(recursive=True)) == (0, 0, 0, 1)


def test_a_copied_image_costs_nothing_but_its_file(captioned):
    shutil.copy(captioned.dataset / "1.png", captioned.dataset / "copy.png")
    assert cost(captioned.run()) == (0, 0, 0, 1)
    assert combined(captioned, "copy") == combined(captioned, "1")


def test_a_copy_with_a_manual_caption_of_its_own_costs_one_request(captioned):
    shutil.copy(captioned.dataset / "1.png", captioned.dataset / "copy.png")
    (captioned.dataset / "copy.txt").write_text("by Ada")
    assert cost(captioned.run()) == (0, 0, 1, 1)
    assert combined(captioned, "copy") == f"by Ada, {combined(captioned, '1')}"


def test_an_edited_manual_caption_costs_one_request(captioned):
    (captioned.dataset / "0.txt").write_text("a sks disc")
    assert cost(captioned.run()) == (0, 0, 1, 1)
    assert combined(captioned, "0").startswith("a sks disc, ")


def test_a_removed_manual_caption_costs_one_request(captioned):
    (captioned.dataset / "0.txt").unlink()
    assert cost(captioned.run()) == (0, 0, 1, 1)
    assert "sks" not in combined(captioned, "0")


def test_another_prompt_costs_vlm_rows_and_the_requests_whose_text_changed(captioned):
    assert cost(captioned.run(prompt="<CAPTION>")) == (1, IMAGES, IMAGES, IMAGES)


def test_one_more_prompt_costs_its_own_vlm_rows_and_the_requests_that_tell_of_it(captioned):
    assert cost(captioned.run(prompt=joined_prompts([SHORT, LONG]))) == (1, IMAGES, IMAGES, IMAGES)


def test_one_more_prompt_that_the_llm_is_not_told_costs_its_own_vlm_rows(captioned):
    prompts = {"prompt": joined_prompts([SHORT, LONG]), "llm_captions": "long"}
    assert cost(captioned.run(**prompts)) == (1, IMAGES, 0, 0)


def test_several_new_prompts_cost_one_model_load(captioned):
    prompts = joined_prompts([SHORT, "middle=<DETAILED_CAPTION>"])
    assert cost(captioned.run(prompt=prompts)) == (1, 2 * IMAGES, IMAGES, IMAGES)


@pytest.mark.slow
def test_other_captions_for_the_llm_or_other_names_cost_llm_rows_only(captioned):
    prompts = joined_prompts([SHORT, LONG])
    captioned.run(prompt=prompts)
    assert cost(captioned.run(prompt=prompts, llm_captions="short")) == (0, 0, IMAGES, IMAGES)
    assert cost(captioned.run(prompt=prompts, llm_captions="long")) == (0, 0, 0, IMAGES)
    renamed = joined_prompts(["brief=<CAPTION>", LONG])
    assert cost(captioned.run(prompt=renamed)) == (0, 0, IMAGES, IMAGES)


def test_a_name_for_the_only_prompt_costs_nothing(captioned):
    assert cost(captioned.run(prompt=LONG)) == (0, 0, 0, 0)


@pytest.mark.parametrize("option", [{"max_new_tokens": 100}, {"dtype": "float32"}])
def test_a_generation_option_costs_vlm_rows_and_no_request_where_the_text_stayed(captioned, option):
    assert cost(captioned.run(**option)) == (1, IMAGES, 0, 0)


def test_another_vlm_costs_vlm_rows_and_no_request_where_the_text_stayed(captioned, tmp_path):
    other = tmp_path / "other-vlm"
    shutil.copytree(FLORENCE_FOLDER, other)
    settings = other / "generation_config.json"
    settings.write_text(settings.read_text() + "\n")
    assert cost(captioned.run(model_id=str(other))) == (1, IMAGES, 0, 0)


def test_the_same_vlm_in_another_folder_costs_nothing(captioned, tmp_path):
    shutil.copytree(FLORENCE_FOLDER, tmp_path / "moved-vlm")
    assert cost(captioned.run(model_id=str(tmp_path / "moved-vlm"))) == (0, 0, 0, 0)


@pytest.mark.parametrize("option", [{"model": "another-model"}, {"llm_max_tokens": 99}])
def test_another_llm_or_option_costs_llm_rows_only(captioned, option):
    assert cost(captioned.run(**option)) == (0, 0, IMAGES, 0)


def test_another_llm_system_prompt_costs_llm_rows_only(captioned, tmp_path: Path):
    prompt = tmp_path / "prompt.txt"
    prompt.write_text("Merge.")
    assert cost(captioned.run(llm_system_prompt=str(prompt))) == (0, 0, IMAGES, 0)
    assert captioned.server.requests[-1].body["messages"][0]["content"] == "Merge."


def test_going_back_to_an_earlier_recipe_costs_nothing_but_the_files(captioned):
    captioned.run(prompt="<CAPTION>")
    assert cost(captioned.run()) == (0, 0, 0, IMAGES)


@pytest.mark.parametrize(
    "option",
    [{"batch_size": 1}, {"num_workers": 3}, {"concurrency": 2}, {"device": "cpu"}],
)
def test_an_option_that_cannot_change_a_caption_costs_nothing(captioned, option):
    assert cost(captioned.run(**option)) == (0, 0, 0, 0)


def test_a_trigger_word_costs_files_only(captioned):
    assert cost(captioned.run(trigger_word="sks")) == (0, 0, 0, IMAGES - 1)
    assert combined(captioned, "1").startswith("sks, ")
    assert combined(captioned, "0").startswith("sks circle, ")
