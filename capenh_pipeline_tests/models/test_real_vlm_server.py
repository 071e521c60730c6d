"""A served VLM against a real `transformers serve` with a tiny LLaVA."""

import os
import signal

import pytest

from capenh_pipeline.models.base import VlmReply
from capenh_pipeline.models.image_talk import ImageRequest
from capenh_pipeline.models.image_urls import data_url
from capenh_pipeline.models.local_server_run import LocalServer
from capenh_pipeline_tests.fakes.vlm_server import picture_in
from capenh_pipeline_tests.images import noise
from capenh_pipeline_tests.models.served_rows import captioned, served

PROMPT = "What is it?"
TOKENS = 24


def requests(count):
    pictures = noise()
    return [
        ImageRequest(place, data_url(pictures[place % len(pictures)]), PROMPT, lambda _: None)
        for place in range(count)
    ]


def as_received(request):
    """Return the image that a server gets, JPEG and all."""
    part = {"type": "image_url", "image_url": {"url": request.image_url}}
    return picture_in({"messages": [{"content": [part]}]}).convert("RGB")


@pytest.fixture(scope="module")
def server(llava):
    with LocalServer(str(llava)) as running:
        yield running


def vlm_of(*servers, **changes):
    options = {"model": servers[0].model, "max_tokens": TOKENS, "concurrency": 2, **changes}
    return served(*[server.base_url for server in servers], **options)


@pytest.mark.slow
def test_captions_are_those_of_the_same_model_in_this_process(server, llava, load):
    here = load(llava, prompt=PROMPT, max_new_tokens=TOKENS)
    asked = requests(6)
    replies = captioned(vlm_of(server), asked)
    assert len(replies) == 6
    for reply in replies:
        (expected,) = here.generate(here.prepare([as_received(asked[reply.key])]))
        result = reply.answers[0].result
        assert isinstance(result, VlmReply)
        caption = result.caption.replace("\ufffd", "")  # it decodes half a character as this
        assert (caption, result.finish_reason) == (expected.caption, expected.finish_reason)
        assert server.model in reply.model
    assert len({reply.answers[0].result.caption for reply in replies}) > 1


@pytest.mark.slow
def test_a_server_that_is_killed_in_mid_run_is_missed_by_no_image(server, llava):
    with LocalServer(str(llava)) as mortal:
        replies = []

        def kill_at_the_fifth(reply):
            replies.append(reply)
            if len(replies) == 5:
                os.kill(mortal.pid, signal.SIGKILL)

        vlm = vlm_of(mortal, server, backoff_s=0.05)
        vlm.caption(requests(24), kill_at_the_fifth)
    results = {reply.key: reply.answers[0].result for reply in replies}
    assert sorted(results) == list(range(24))
    assert all(isinstance(result, VlmReply) for result in results.values())
    for place in range(6, 24):  # whoever answers
        assert results[place] == results[place % 6]
