"""An LLM server on its bad days: what is tried again, what fails a row, what ends the run."""

import threading
import time

import pytest

from capenh_pipeline.errors import ServerError
from capenh_pipeline.models.base import MergeRequest
from capenh_pipeline.models.llm import OpenAiLanguageModel
from capenh_pipeline.models.llm_faults import Fault, Severity
from capenh_pipeline.models.llm_session import pause_s
from capenh_pipeline_tests.fakes.llm_server import (
    FakeLlmServer,
    Response,
    captions_in,
    error_body,
    first_then_merge,
    merge_reply,
)
from capenh_pipeline_tests.models.llm_rows import ask, merged, rows, settings

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


@pytest.mark.parametrize("name", TRANSIENT)
def test_a_passing_fault_is_tried_again(name):
    (reply,), received = ask(first_then_merge(TRANSIENT[name], TRANSIENT[name]))
    assert reply.caption == "sks 0, A dog, 0."
    assert reply.attempts == len(received) == 3


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("rate limit", "rate_limited", "answered 429 in each of 3 tries: slow down"),
        ("server error", "server_error", "answered 500 in each of 3 tries: oops"),
        ("gateway's html", "server_error", "answered 502 in each of 3 tries: Bad Gateway"),
        ("request timeout", "timeout", "answered 408 in each of 3 tries: too slow"),
        ("connection dropped", "server_error", "failed in each of 3 tries: Server disconnected"),
        ("html with 200", "server_error", "failed in each of 3 tries: not a valid answer: <html>"),
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
        (Response("A dog", finish_reason="length"), "length", "--llm_max_tokens"),
        (Response("A", finish_reason="content_filter"), "content_filter", "content filter"),
        (Response(None, message={"refusal": "I can't."}), "refusal", "I can't."),
        (Response(None), "empty", "no caption"),
        (Response("<think>on and on"), "empty", "no caption"),
        (Response(" \n"), "empty", "no caption"),
    ],
)
def test_a_row_s_own_failure_costs_one_request_and_no_other_row(answer, kind, words):
    (bad, good), received = ask(first_then_merge(answer), 2)
    assert (bad.caption, bad.error_kind, bad.attempts) == (None, kind, 1)
    assert words in str(bad.error)
    assert good.error is None
    assert len(received) == 2


def test_a_failed_row_tells_what_it_cost():
    (reply,), _ = ask(lambda payload: Response("A", finish_reason="length"))
    assert (reply.finish_reason, reply.prompt_tokens, reply.completion_tokens) == ("length", 11, 7)


def test_a_text_in_parts_is_put_together():
    parts = [{"type": "text", "text": "A "}, {"type": "text", "text": "dog."}]
    (reply,), _ = ask(lambda payload: Response(message={"content": parts}))
    assert reply.caption == "A dog."


def test_a_caption_that_utf_8_cannot_hold_fails_its_row():
    with FakeLlmServer() as server:
        llm = OpenAiLanguageModel(settings(server.base_url))
        (reply,) = merged(llm, [MergeRequest("key", "broken \ud83d")])
    assert (reply.error_kind, reply.attempts) == ("rejected", 1)
    assert not server.requests


def test_a_slow_drip_does_not_outlive_the_time_of_a_try():
    started = time.monotonic()
    (reply,), received = ask(lambda payload: Response(drip_s=0.05), timeout_s=0.3, max_attempts=2)
    assert time.monotonic() - started < 5
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


@pytest.mark.parametrize("value", ["0", "Wed, 21 Oct 2015 07:28:00 GMT"])
def test_the_pause_that_a_server_asks_for_replaces_our_own(value):
    busy = Response(status=429, headers={"Retry-After": value}, body=error_body("slow down"))
    started = time.monotonic()
    (reply,), _ = ask(first_then_merge(busy), backoff_s=60)
    assert reply.attempts == 2
    assert time.monotonic() - started < 20


def test_a_pause_that_cannot_be_read_is_ours():
    busy = Response(status=429, headers={"Retry-After": "soon"}, body=error_body("slow down"))
    (reply,), _ = ask(first_then_merge(busy))
    assert reply.attempts == 2


def test_pauses_double_up_to_a_limit_and_are_spread():
    fault = Fault(Severity.TRANSIENT, "server_error", "oops")
    longest = [pause_s(fault, attempt=n, backoff_s=1, spread=1.0) for n in range(1, 8)]
    assert longest == [1, 2, 4, 8, 16, 30, 30]
    assert pause_s(fault, attempt=3, backoff_s=1, spread=0.0) == 2


def test_a_server_s_own_pause_is_never_shortened_below_the_limit():
    def pause(retry_after_s, spread):
        fault = Fault(Severity.TRANSIENT, "rate_limited", "", retry_after_s=retry_after_s)
        return pause_s(fault, attempt=1, backoff_s=1, spread=spread)

    assert pause(7, 0.0) == 7
    assert 7 < pause(7, 1.0) <= 8
    assert pause(86400, 0.0) == 120


FATAL = {
    "key": (401, error_body("Incorrect API key", "invalid_api_key"), "wants an API key"),
    "permission": (403, error_body("not yours"), r"wants an API key \(403: not yours\)"),
    "quota": (429, error_body("exceeded", "insufficient_quota"), r"no quota left \(429: exceeded"),
    "balance": (402, error_body("Insufficient Balance"), "no quota left"),
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
    assert time.monotonic() - started < 5


def test_a_server_that_goes_away_ends_the_run_and_what_it_answered_is_kept():
    replies = []

    def emit(reply):
        replies.append(reply)
        if len(replies) == 3:
            server.__exit__(None, None, None)

    server = FakeLlmServer().__enter__()
    llm = OpenAiLanguageModel(settings(server.base_url, concurrency=1))
    with pytest.raises(ServerError, match="No LLM server answers"):
        llm.merge(rows(10), emit)
    assert [reply.error for reply in replies] == [None] * 3


def test_a_server_that_comes_back_loses_nothing():
    replies = []

    def emit(reply):
        replies.append(reply)
        if len(replies) == 3:
            server.__exit__(None, None, None)
            comeback.start()

    server = FakeLlmServer().__enter__()
    successor = FakeLlmServer(port=server.port)
    comeback = threading.Timer(0.3, successor.__enter__)
    llm = OpenAiLanguageModel(
        settings(server.base_url, concurrency=1, max_attempts=50, backoff_s=0.05)
    )
    try:
        llm.merge(rows(6), emit)
    finally:
        comeback.join()
        successor.__exit__(None, None, None)
    assert [reply.error for reply in replies] == [None] * 6
    assert len(successor.requests) == 3
