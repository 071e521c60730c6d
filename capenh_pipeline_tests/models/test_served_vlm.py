"""A VLM behind a server: what is sent, what comes of each fault, what ends the run."""

import logging
import traceback
from dataclasses import replace

import pytest

from capenh_pipeline.errors import ConfigurationError, RowError, ServerError
from capenh_pipeline.models.base import Generation, VlmReply
from capenh_pipeline_tests.fakes.fake_time import FakeTime
from capenh_pipeline_tests.fakes.llm_server import FakeLlmServer, Response, error_body
from capenh_pipeline_tests.fakes.loopback import text_of
from capenh_pipeline_tests.fakes.vlm_server import see
from capenh_pipeline_tests.models.llm_rows import TRANSPORTS
from capenh_pipeline_tests.models.served_rows import captioned, captions, images, seen, served
from capenh_pipeline_tests.models.test_llm_faults_table import CASES, KEY, TIMEOUT_S, TRIES, says

OTHERWISE = {
    "null content": VlmReply("", "stop", 7),  # the stage says what that means
    "length": VlmReply("A dog", "length", 7),  # is cut to its last sentence
}
"""What is no fault of a VLM's answer; no answer is asked for again because of it."""


def after(count, reply):
    """Return a reply that sees `count` images and is `reply` from there on."""
    left = iter(range(count))
    return lambda payload: see(payload) if next(left, None) is not None else reply(payload)


def test_an_image_is_sent_as_a_chat_completion_with_the_prompt_behind_it():
    with FakeLlmServer(see) as server:
        (reply,) = captioned(served(server), images(1))
    (request,) = server.requests
    (turn,) = request.body["messages"]
    assert [part["type"] for part in turn["content"]] == ["image_url", "text"]
    options = {name: request.body[name] for name in request.body.keys() - {"messages"}}
    assert options == {"model": "fake-llm", "max_tokens": 50, "temperature": 0.0}
    assert reply.answers[0].result == VlmReply("0 red", "stop", 7)
    assert (reply.attempts, reply.model) == (1, "fake-llm")


def test_many_are_in_flight_and_none_is_mixed_up():
    with FakeLlmServer(see, together=8) as server:
        replies = captioned(served(server, concurrency=8), images(60))
    assert captions(replies) == {place: seen(place) for place in range(60)}
    assert server.max_in_flight == 8


def test_no_more_images_are_held_than_twice_those_in_flight():
    replies = []

    def counted():
        for asked, request in enumerate(images(60), start=1):
            assert asked - len(replies) <= 4 * 2
            yield request

    with FakeLlmServer(see) as server:
        served(server, concurrency=4).caption(counted(), replies.append)
    assert len(replies) == 60


@pytest.mark.parametrize("surroundings", TRANSPORTS)
@pytest.mark.parametrize("name", CASES)
def test_what_comes_of_a_fault(name, surroundings, caplog):
    caplog.set_level(logging.DEBUG)
    case, replies, error = CASES[name], [], None

    def reply(payload):
        return case.answer if text_of(payload, "user") == "1" else see(payload)

    around = replace(FakeTime().surroundings(), has_aiohttp=surroundings.has_aiohttp)
    with FakeLlmServer(reply) as server:
        vlm = served(
            server,
            environment={"CAPENH_VLM_API_KEY": KEY},
            surroundings=around,
            timeout_s=TIMEOUT_S,
            max_attempts=TRIES,
        )
        try:
            vlm.caption(images(3), replies.append)
        except ServerError as caught:
            error = caught
    assert captions(replies[:1]) == {0: "0 red"}
    if case.ends_run:
        assert case.words.replace("LLM", "VLM") in str(error)
        assert len(replies) == 1
    else:
        result = replies[1].answers[-1].result
        assert result == OTHERWISE.get(name) or result.kind == case.kind
        if case.requests == TRIES and name in ("500", "hang", "truncated JSON"):
            assert f"The VLM server at {server.base_url}" in str(result)
        assert captions(replies[2:]) == {2: "2 blue"}
    told = [replies, caplog.text, *traceback.format_exception(error)]
    assert KEY not in str(told)


def test_a_bad_caption_is_asked_for_once_more_without_repetition_and_both_are_handed_over():
    def again(result):
        return Generation(no_repeat_ngram_size=3) if "loop" in result.caption else None

    answers = iter(["loop loop loop", "loop again"])
    with FakeLlmServer(lambda payload: next(answers)) as server:
        (reply,) = captioned(served(server), images(1, again=again))
    first, second = server.requests
    assert "frequency_penalty" not in first.body
    assert second.body["frequency_penalty"] == 1.0
    assert second.body["messages"] == first.body["messages"]
    assert [answer.result.caption for answer in reply.answers] == ["loop loop loop", "loop again"]
    assert reply.attempts == 2


def test_a_caption_that_was_cut_off_may_be_tried_with_more_tokens():
    def again(result):
        return Generation(token_factor=2) if result.finish_reason == "length" else None

    answers = iter([Response("A do", finish_reason="length"), Response("A dog.")])
    with FakeLlmServer(lambda payload: next(answers)) as server:
        (reply,) = captioned(served(server), images(1, again=again))
    assert [request.body["max_tokens"] for request in server.requests] == [50, 100]
    assert reply.answers[-1].result == VlmReply("A dog.", "stop", 7)


def test_a_second_caption_that_cannot_be_had_leaves_the_first():
    def again(result):
        return Generation(token_factor=2)

    with FakeLlmServer(after(1, lambda payload: says(400, "too many"))) as server:
        (reply,) = captioned(served(server), images(1, again=again))
    assert [answer.result.caption for answer in reply.answers] == ["0 red"]


@pytest.mark.parametrize("parameter", ["temperature", "frequency_penalty"])
def test_a_model_that_does_not_take_a_parameter_is_asked_without_it(parameter):
    def reply(payload):
        if parameter in payload:
            words = f"Unsupported parameter: '{parameter}'"
            return says(400, words, "unsupported_parameter")
        return see(payload)

    def again(result):
        return Generation(no_repeat_ngram_size=3)

    with FakeLlmServer(reply) as server:
        replies = captioned(served(server), images(3, again=again))
    assert captions(replies) == {place: seen(place) for place in range(3)}


def test_thoughts_are_no_caption():
    with FakeLlmServer(lambda payload: "<think>Hm, red.</think>\nA red square.") as server:
        (reply,) = captioned(served(server), images(1))
    assert reply.answers[0].result.caption == "A red square."


def test_a_model_that_rejects_every_image_ends_the_run():
    with FakeLlmServer(lambda payload: says(400, "takes no images")) as server:
        replies = []
        with pytest.raises(ServerError, match=r"The first 20 rows were all .*takes no images"):
            served(server).caption(images(100), replies.append)
    assert len(server.requests) == 20
    assert {reply.answers[-1].result.kind for reply in replies} == {"rejected"}


def test_images_that_are_rejected_after_others_were_seen_fail_alone():
    with FakeLlmServer(after(1, lambda payload: says(400, "no"))) as server:
        replies = captioned(served(server), images(50))
    assert sum(isinstance(reply.answers[-1].result, RowError) for reply in replies) == 49


def test_a_server_that_is_not_there_ends_the_run_with_one_sentence():
    with FakeLlmServer(see) as server:
        url = server.base_url
    words = rf"No VLM server answers at {url} \(.*\): start it or set --vlm_base_url\."
    with pytest.raises(ServerError, match=words):
        captioned(served(url), images(3))


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, r"wants an API key \(401: .*\): set CAPENH_VLM_API_KEY to one it accepts"),
        (404, r"has no model 'fake-llm'.*: check --model_id, and --vlm_base_url"),
    ],
)
def test_a_key_or_a_model_that_is_refused_ends_the_run_with_one_sentence(status, words):
    with FakeLlmServer(lambda payload: says(status, "no")) as server:
        with pytest.raises(ServerError, match=words):
            captioned(served(server), images(3))
        assert len(server.requests) == 1


def test_the_only_model_of_a_server_needs_no_name():
    with FakeLlmServer(see, models=["pixtral"]) as server:
        vlm = served(server, model=None)
        replies = captioned(vlm, images(2))
    assert vlm.model == "pixtral"
    assert {request.model for request in server.requests} == {"pixtral"}
    assert captions(replies) == {0: "0 red", 1: "1 green"}


def test_several_models_want_a_name():
    with FakeLlmServer(see, models=["a", "b"]) as server:
        with pytest.raises(ConfigurationError, match=r"several models \(a, b\): .* --model_id"):
            captioned(served(server, model=None), images(1))
        assert server.requests == []


def test_a_list_that_is_refused_for_the_key_says_so():
    with (
        FakeLlmServer(see, api_key="sk-other") as server,
        pytest.raises(ServerError, match="wants an API key"),
    ):
        captioned(served(server, model=None), images(1))


def test_without_an_image_nothing_is_sent():
    with FakeLlmServer(see) as server:
        assert captioned(served(server, model=None), []) == []
        assert (server.requests, server.model_lists) == ([], 0)


@pytest.mark.parametrize("is_the_llms", [True, False])
def test_limits_a_minute_are_those_of_the_llm_server(is_the_llms, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    around = FakeTime()
    with FakeLlmServer(see) as server:
        llm_url = f"{server.base_url}/" if is_the_llms else "http://127.0.0.1:1/v1"
        vlm = served(
            server, llm_url=llm_url, requests_per_minute=6, surroundings=around.surroundings()
        )
        assert len(captioned(vlm, images(4))) == 4
    waited = [pytest.approx(10, abs=1), pytest.approx(20, abs=1), pytest.approx(30, abs=1)]
    assert around.slept == (waited if is_the_llms else [])


def test_an_error_with_a_key_in_it_is_told_without_it():
    with FakeLlmServer(lambda payload: Response(status=500, body=error_body(KEY))) as server:
        vlm = served(server, environment={"CAPENH_VLM_API_KEY": KEY}, max_attempts=1)
        (reply,) = captioned(vlm, images(1))
    assert "***" in str(reply.answers[0].result)
