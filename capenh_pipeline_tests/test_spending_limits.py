"""A run that may spend so much, through the real command."""

import pytest

from capenh_pipeline.demo.checkpoints import FLORENCE_FOLDER
from capenh_pipeline_tests.command import capenh
from capenh_pipeline_tests.fakes.llm_server import FakeLlmServer
from capenh_pipeline_tests.fakes.loopback import Response
from capenh_pipeline_tests.images import draw

IMAGES, TOKENS = 30, 18  # the server says that each request had so many
LIMIT = 400  # the first request is guessed to need most of it, those after it what it did


@pytest.mark.slow
def test_a_run_ends_at_its_limit_names_what_is_left_and_the_next_one_goes_on(tmp_path):
    dataset = tmp_path / "images"
    for number in range(IMAGES):
        draw(dataset / f"{number:02}.png", number)
    with FakeLlmServer(models=None) as server:
        words = ["--dataset_dir", dataset, "--model_id", FLORENCE_FOLDER, "--model", "any"]
        words += ["--base_url", server.base_url, "--concurrency", 1]
        first = capenh("enhance", *words, "--max_tokens_total", LIMIT, cwd=tmp_path)
        asked = len(server.requests)
        second = capenh("enhance", *words, cwd=tmp_path)
        assert len(server.requests) == IMAGES
    assert asked == LIMIT // TOKENS
    assert (first.returncode, second.returncode) == (1, 0)
    assert "Stopped because of --max_tokens_total 400, after 396 tokens" in first.stderr
    assert f"Left for the next run ({IMAGES - asked}):" in first.stdout
    assert ".png" in first.stdout.partition("Left for the next run")[2]
    assert len([*dataset.glob("*_combined.txt")]) == IMAGES


@pytest.mark.slow
def test_many_requests_at_once_of_an_llm_that_rambles_stay_below_the_limit(tmp_path):
    for number in range(IMAGES):
        draw(tmp_path / "images" / f"{number:02}.png", number)
    message = {"role": "assistant", "content": "I'm sorry, I can't help with that."}
    usage = {"prompt_tokens": 300, "completion_tokens": 1024}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    rambling = Response(body={"choices": [choice], "usage": usage})
    with FakeLlmServer(lambda _: rambling, models=None, delay_s=0.05) as server:
        words = ["--dataset_dir", "images", "--model_id", FLORENCE_FOLDER, "--model", "any"]
        words += ["--base_url", server.base_url, "--concurrency", 32]
        done = capenh("enhance", *words, "--max_tokens_total", 10_000, cwd=tmp_path)
        assert len(server.requests) == 6  # three answers a row
    assert done.returncode == 1
    assert "after 7944 tokens: 28 combined captions are left" in done.stderr
