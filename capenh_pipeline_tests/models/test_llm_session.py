"""An LLM server on its bad days: what is tried again, what fails a row, what ends the run."""

import itertools
import threading
import time
from dataclasses import replace

import pytest

from capenh_pipeline.errors import ServerError
from capenh_pipeline.models.llm import OpenAiLanguageModel
from capenh_pipeline_tests.fakes.llm_server import (
    FakeLlmServer,
    Response,
    captions_in,
    error_body,
    first_then_merge,
    merge_reply,
)
from capenh_pipeline_tests.models.llm_rows import (
    TRANSPORTS,
    accepted,
    ask,
    merged,
    request,
    rows,
    settings,
)
from capenh_pipeline_tests.processes import PATIENCE_S, wait_until

HTML = {"Content-Type": "text/html"}

TRANSIENT = {
    "request timeout": Response(status=408, body=error_body("too slow")),
    "conflict": Response(status=409, body=error_body("later")),
    "rate limit": Response(status=429, body=error_body("slow down", "rate_limit_exceeded")),
    "server error": Response(status=500, body=error_body("oops")),
    "gateway's html": Response(status=502, raw=b"<h1>Bad Gateway</h1>", headers=HTML),
    "overloaded": Response(status=503, body={"error": "overloaded"}),
    "connection dropped": Response(drop=True),
    "cut-off body": Response(
        raw=b'{"choices": [', headers={"Content-Length": "500", "Connection": "close"}
    ),
    "cut-off json": Response(raw=b'{"choices": ['),
    "html with 200": Response(raw=b"<html>Welcome</html>", headers=HTML),
    "not utf-8": Response(raw=b"\xff\xfe"),
    "false gzip": Response(raw=b"plain", headers={"Content-Encoding": "gzip"}),
    "empty choices": Response(body={"choices": []}),
    "null choices": Response(body={"choices": None}),
    "no choices": Response(body={"id": "x"}),
    "no message": Response(body={"choices": [{"finish_reason": "stop"}]}),
    "error with 200": Response(body=error_body("overloaded")),
    "a list": Response(body=[1]),
}


FOREIGN = ("html with 200", "not utf-8", "a list")


@pytest.mark.parametrize("surroundings", TRANSPORTS)
@pytest.mark.parametrize("name", TRANSIENT)
def test_a_passing_fault_is_tried_again(name, surroundings):
    answers = [Response("One."), TRANSIENT[name], TRANSIENT[name]]
    (_, reply), received = ask(first_then_merge(*answers), 2, surroundings=surroundings)
    assert reply.caption == "sks 1, A dog, 1."
    # a connection that was kept alive and is closed may have been idle for too long
    assert reply.attempts == (2 if name == "connection dropped" else 3)
    assert len(received) == 4


@pytest.mark.parametrize("name", sorted(TRANSIENT.keys() - FOREIGN))
def test_a_passing_fault_of_a_server_that_did_not_answer_before_is_tried_again_too(name):
    (reply,), received = ask(first_then_merge(TRANSIENT[name], TRANSIENT[name]))
    assert reply.attempts == len(received) == 3


@pytest.mark.parametrize("name", sorted(FOREIGN))
def test_what_never_answered_as_an_llm_server_is_most_likely_none(name):
    replies = []
    with FakeLlmServer(lambda payload: TRANSIENT[name]) as server:
        llm = OpenAiLanguageModel(settings(server.base_url, concurrency=1))
        with pytest.raises(ServerError, match=r"is no LLM server .*: check --base_url") as caught:
            llm.merge(rows(9), replies.append)
    assert server.base_url in str(caught.value)
    assert not replies
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("rate limit", "rate_limited", "answered 429 in each of 3 tries: slow down"),
        ("server error", "server_error", "answered 500 in each of 3 tries: oops"),
        ("gateway's html", "server_error", "answered 502 in each of 3 tries: Bad Gateway"),
        ("request timeout", "timeout", "answered 408 in each of 3 tries: too slow"),
        ("connection dropped", "server_error", "failed in each of 3 tries: Server disconnected"),
        ("error with 200", "server_error", "overloaded"),
    ],
)
def test_a_fault_that_lasts_fails_its_row_and_the_next_row_is_asked(name, kind, words):
    fault = TRANSIENT[name]
    (bad, good), received = ask(first_then_merge(fault, fault, fault), 2, max_attempts=3)
    assert (bad.key, bad.caption, bad.error_kind, bad.attempts) == (("row", 0), None, kind, 3)
    assert words in str(bad.error)
    assert (good.caption, good.attempts) == ("sks 1, A dog, 1.", 1)
    assert len(received) == 4


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (Response(status=400, body=error_body("context too long")), "rejected", "context too long"),
        (Response(status=413, body=error_body("too large")), "rejected", "answered 413: too large"),
        (Response(status=422, body={"detail": "bad field"}), "rejected", "answered 422: bad field"),
        (Response(status=400, raw=b""), "rejected", "Bad Request"),
    ],
)
def test_a_request_that_is_rejected_costs_one_request_and_no_other_row(answer, kind, words):
    (bad, good), received = ask(first_then_merge(answer), 2)
    assert (bad.caption, bad.error_kind, bad.attempts) == (None, kind, 1)
    assert words in str(bad.error)
    assert good.error is None
    assert len(received) == 2


def test_a_text_in_parts_is_put_together():
    parts = [{"type": "text", "text": "A "}, {"type": "text", "text": "dog."}]
    (reply,), _ = ask(lambda payload: Response(message={"content": parts}))
    assert reply.caption == "A dog."


def test_a_caption_that_utf_8_cannot_hold_fails_its_row():
    with FakeLlmServer() as server:
        llm = OpenAiLanguageModel(settings(server.base_url))
        (reply,) = merged(llm, [request("key", "broken \ud83d")])
    assert (reply.error_kind, reply.attempts) == ("rejected", 1)
    assert not server.requests


def test_a_slow_drip_does_not_outlive_the_time_of_a_try():
    started = time.monotonic()
    (reply,), received = ask(lambda payload: Response(drip_s=0.05), timeout_s=0.3, max_attempts=2)
    assert time.monotonic() - started < 15  # whole answers take longer
    assert (reply.error_kind, reply.attempts, len(received)) == ("timeout", 2, 2)
    assert "no complete answer within 0.3 s" in str(reply.error)


def test_a_server_that_hangs_costs_its_row_and_the_others_go_on():
    def reply(payload):
        if captions_in(payload)[0] == "sks 1":
            return Response(raw=b"", headers={"Content-Length": "9"}, drip_s=60)
        return merge_reply(payload)

    with FakeLlmServer(reply) as server:
        llm = OpenAiLanguageModel(settings(server.base_url, timeout_s=0.5, max_attempts=1))
        kinds = {reply.key: reply.error_kind for reply in merged(llm, rows(4))}
    assert kinds == {("row", i): "timeout" if i == 1 else None for i in range(4)}


FATAL = {
    "key": (401, error_body("Incorrect API key", "invalid_api_key"), "wants an API key"),
    "permission": (403, error_body("not yours"), r"wants an API key \(403: not yours\)"),
    "quota": (429, error_body("exceeded", "insufficient_quota"), r"no quota left \(429: exceeded"),
    "balance": (402, error_body("Insufficient Balance"), "no quota left"),
    "model": (400, {"detail": "Server is pinned to 'a'; requested 'b'"}, "has no model"),
    "method": (405, {"detail": "Method Not Allowed"}, "--base_url, which usually ends in /v1"),
}


@pytest.mark.parametrize("name", FATAL)
def test_a_fault_of_every_request_ends_the_run_at_once(name):
    status, body, words = FATAL[name]
    answers = [Response("One."), Response("Two."), Response(status=status, body=body)]
    replies = []
    with FakeLlmServer(first_then_merge(*answers)) as server:
        llm = OpenAiLanguageModel(settings(server.base_url, concurrency=1))
        with pytest.raises(ServerError, match=words) as caught:
            llm.merge(rows(10), replies.append)
    assert server.base_url in str(caught.value)
    assert [reply.caption for reply in replies] == ["One.", "Two."]
    assert len(server.requests) == 3


def test_requests_in_flight_are_given_up_when_the_run_ends():
    def reply(payload):
        if captions_in(payload)[0] == "sks 7":
            return Response(status=401, body=error_body("no"))
        server.closing.wait(60)
        return "late"

    started = time.monotonic()
    with FakeLlmServer(reply) as server:
        with pytest.raises(ServerError):
            merged(OpenAiLanguageModel(settings(server.base_url, concurrency=8)), rows(8))
        assert time.monotonic() - started < 20


def test_an_unknown_model_is_named_with_those_that_the_server_offers():
    with FakeLlmServer(models=("a", "b")) as server:
        llm = OpenAiLanguageModel(settings(server.base_url, model="c"))
        with pytest.raises(ServerError, match=r"does not know the model 'c' .* it offers a, b: "):
            merged(llm, rows(1))


def test_an_address_with_nothing_behind_it_is_named():
    with FakeLlmServer() as server:
        llm = OpenAiLanguageModel(settings(server.base_url.removesuffix("/v1")))
        with pytest.raises(ServerError, match=r"--base_url, which usually ends in /v1"):
            merged(llm, rows(1))


def test_a_server_that_is_not_there_is_found_out_after_a_second_try():
    with FakeLlmServer() as server:
        base_url = server.base_url
    started = time.monotonic()
    llm = OpenAiLanguageModel(settings(base_url, max_attempts=50, backoff_s=0.2))
    with pytest.raises(ServerError, match=f"No LLM server answers at {base_url}.*--base_url"):
        merged(llm, rows(30))
    assert time.monotonic() - started < 30  # 50 attempts take longer


@pytest.mark.parametrize("surroundings", TRANSPORTS)
def test_answers_that_come_together_are_not_all_judged_before_the_next_requests_go(surroundings):
    together, came, judged = threading.Barrier(8), itertools.count(), itertools.count()

    def reply(payload):
        if next(came) < 8:
            together.wait(PATIENCE_S)
        return merge_reply(payload)

    def judge(answer):
        before = next(judged)
        expected = min(8 + before - 2, 16)  # but for two that may still be on their way
        wait_until(lambda: len(server.requests) >= expected)
        return accepted(answer)

    with FakeLlmServer(reply) as server:
        llm = OpenAiLanguageModel(
            settings(server.base_url, concurrency=8), surroundings=surroundings
        )
        merged(llm, [replace(row, judge=judge) for row in rows(16)])
