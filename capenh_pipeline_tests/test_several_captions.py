"""Several captions an image, through the real command: files whose every word is known."""

import pytest

from capenh_pipeline.demo.chance import seeded
from capenh_pipeline.demo.checkpoints import FLORENCE_FOLDER
from capenh_pipeline.demo.scenes import MORE_DETAILED, SHORT, sample_scenes, true_captions
from capenh_pipeline_tests.command import capenh
from capenh_pipeline_tests.fakes.llm_server import FakeLlmServer
from capenh_pipeline_tests.images import draw

SEED = 1


@pytest.fixture(scope="module")
def captioned(tmp_path_factory):
    """A dataset that was captioned with two prompts, words for a command on it, and its server."""
    dataset = tmp_path_factory.mktemp("several") / "images"
    draw(dataset / "a.png", SEED)
    (dataset / "a.txt").write_text("sks")
    with FakeLlmServer(models=None) as server:
        words = ["--dataset_dir", dataset, "--model_id", FLORENCE_FOLDER, "--model", "any"]
        words += ["--base_url", server.base_url, "--cache_generated_captions_to_disk"]
        flags = ["--prompt", f"short={SHORT}", f"--prompt={MORE_DETAILED}"]
        done = capenh("enhance", *words, *flags, cwd=dataset.parent)
        assert done.returncode == 0, done.stderr
        yield dataset, words, server


@pytest.mark.slow
def test_each_prompt_of_a_repeated_flag_has_its_caption_and_the_llm_is_told_all(captioned):
    dataset, _, _ = captioned
    true = true_captions(next(sample_scenes(seeded(SEED), held_out=True)))
    assert {path.name: path.read_text() for path in dataset.glob("a_*.txt")} == {
        "a_generated_short.txt": f"{true[SHORT]}\n",
        "a_generated_more_detailed_caption.txt": f"{true[MORE_DETAILED]}\n",
        "a_combined.txt": f"sks, {true[SHORT]}, {true[MORE_DETAILED]}\n",
    }


@pytest.mark.slow
def test_a_json_list_in_the_environment_means_the_same(captioned):
    dataset, words, server = captioned
    prompt = f'["short={SHORT}", "{MORE_DETAILED}"]'
    done = capenh("enhance", *words, cwd=dataset.parent, CAPENH_PROMPT=prompt)
    assert (done.returncode, len(server.requests)) == (0, 1), done.stderr
    assert "Nothing to do" in done.stdout
