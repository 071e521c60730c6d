"""Every way in which a server misbehaves: what the row says, what it costs, how long it takes."""

import gzip
import logging
import time
import traceback
from dataclasses import dataclass, replace

import pytest

from capenh_pipeline.errors import ServerError
from capenh_pipeline.models.llm import OpenAiLanguageModel
from capenh_pipeline.models.llm_client import LlmClient, Server
from capenh_pipeline.models.llm_faults import Fault
from capenh_pipeline.models.llm_loop import EventLoopThread
from capenh_pipeline.models.llm_protocol import Completion
from capenh_pipeline_tests.fakes.fake_time import FakeTime
from capenh_pipeline_tests.fakes.llm_server import (
    FakeLlmServer,
    Response,
    captions_in,
    error_body,
    merge_reply,
)
from capenh_pipeline_tests.models.llm_rows import TRANSPORTS, rows, settings

KEY = "sk-canary-0123456789"
HTML = {"Content-Type": "text/html"}
TIMEOUT_S = 0.5
SOON_S = 10.0
"""Far more than a busy machine needs after `TIMEOUT_S`, and less than what misbehaves takes."""
TRIES = 2
REFUSALS = 10 * TRIES  # "not now" says little about a row
RESENT = 1  # a connection that was kept alive may have been closed for being idle


def says(status, words, code=None, **headers):
    return Response(status=status, body=error_body(f"{words} {KEY}", code), headers=headers)


@dataclass(frozen=True)
class Case:
    """A server's behaviour towards the second of three rows, and what is to come of it."""

    answer: Response
    kind: str | None
    words: str = ""
    requests: int = TRIES
    ends_run: bool = False


CASES = {
    "429 with Retry-After 1": Case(
        says(429, "slow", **{"Retry-After": "1"}), "rate_limited", "429 in each of 20", REFUSALS
    ),
    "429 with Retry-After 300": Case(
        says(429, "slow", **{"Retry-After": "300"}), "rate_limited", "429 in each of 20", REFUSALS
    ),
    "429 without": Case(says(429, "slow"), "rate_limited", "429 in each of 20", REFUSALS),
    "insufficient_quota": Case(
        says(429, "exceeded", "insufficient_quota"), None, "no quota left", 1, ends_run=True
    ),
    "500": Case(says(500, "oops"), "server_error", "500 in each of 2 tries: oops"),
    "502 with HTML": Case(
        Response(status=502, raw=f"<h1>Bad Gateway {KEY}</h1>".encode(), headers=HTML),
        "server_error",
        "502 in each of 2 tries: Bad Gateway",
    ),
    "connection reset": Case(Response(reset=True), "server_error", "reset", TRIES + RESENT),
    "connection closed": Case(
        Response(drop=True), "server_error", "Server disconnected", TRIES + RESENT
    ),
    "hang": Case(
        Response(raw=b"", headers={"Content-Length": "9"}, drip_s=60), "timeout", "within 0.5 s"
    ),
    "slow drip": Case(Response(drip_s=0.05), "timeout", "no complete answer within 0.5 s"),
    "truncated JSON": Case(Response(raw=b'{"choices": ['), "server_error", "not a valid answer"),
    "truncated body": Case(
        Response(raw=b'{"choices": [', headers={"Content-Length": "99", "Connection": "close"}),
        "server_error",
        "failed in each of 2 tries",
    ),
    "HTML with 200": Case(
        Response(raw=f"<html>{KEY}".encode(), headers=HTML), "server_error", "valid answer: <html>"
    ),
    "empty choices": Case(Response(body={"choices": []}), "server_error", "not a valid answer"),
    "no choices": Case(Response(body={"key": KEY}), "server_error", 'not a valid answer: {"key"'),
    "error with 200": Case(Response(body=error_body(KEY)), "server_error", "not a valid answer"),
    "null content": Case(Response(None), "empty", "no caption"),
    "refusal": Case(Response(None, message={"refusal": "I can't."}), "refusal", "I can't."),
    "content_filter": Case(Response("A", finish_reason="content_filter"), "content_filter"),
    "length": Case(Response("A dog", finish_reason="length"), "length", "--llm_max_tokens"),
    "400 context length": Case(says(400, "context too long"), "rejected", "too long", 1),
    "401 that echoes the key": Case(says(401, "wrong"), None, "refuses the", 1, ends_run=True),
    "404 model": Case(says(404, "no model"), None, "has no model", 1, ends_run=True),
    "413": Case(says(413, "too large"), "rejected", "answered 413: too large", 1),
}


def misbehave(answer):
    """Return a reply that gives `answer` to the second row, and merges all else."""
    return lambda payload: answer if captions_in(payload)[0] == "sks 1" else merge_reply(payload)


def merge(case, surroundings, *, model_list=None):
    """Return the replies of three rows, the error that ended the run, and the second's requests."""
    replies, error = [], None
    with FakeLlmServer(misbehave(case.answer), model_list=model_list) as server:
        llm = OpenAiLanguageModel(
            settings(
                server.base_url,
                concurrency=1,
                timeout_s=TIMEOUT_S,
                max_attempts=TRIES,
                llm_attempts=TRIES,
            ),
            api_key=KEY,
            surroundings=replace(FakeTime().surroundings(), has_aiohttp=surroundings.has_aiohttp),
        )
        try:
            llm.merge(rows(3), replies.append)
        except ServerError as caught:
            error = caught
        own = [request for request in server.requests if "sks 1" in str(request.body)]
    return replies, error, own


def chain_of(error):
    """Return an error and all that it drags along, however it was raised."""
    found = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found


@pytest.mark.parametrize("surroundings", TRANSPORTS)
@pytest.mark.parametrize("name", CASES)
def test_what_comes_of_it(name, surroundings, caplog):
    caplog.set_level(logging.DEBUG)
    case = CASES[name]
    replies, error, own = merge(case, surroundings)
    assert len(own) == case.requests
    assert replies[0].error is None
    if case.ends_run:
        assert case.words in str(error)
        assert len(replies) == 1
    else:
        bad, good = replies[1:]
        assert (bad.error_kind, bad.caption, bad.verdict) == (case.kind, None, None)
        assert case.words in str(bad.error)
        assert good.caption == "sks 2, A dog, 2."
    told = [replies, caplog.text, *map(repr, chain_of(error)), *traceback.format_exception(error)]
    assert KEY not in str(told)


@pytest.mark.parametrize("surroundings", TRANSPORTS)
@pytest.mark.parametrize("name", CASES)
def test_no_call_outlives_its_deadline(name, surroundings):
    with FakeLlmServer(misbehave(CASES[name].answer)) as server, EventLoopThread() as loop:
        client = LlmClient(
            Server(server.base_url, KEY),
            timeout_s=TIMEOUT_S,
            connections=1,
            has_aiohttp=surroundings.has_aiohttp,
        )
        loop.on_close(client.close)
        message = {"role": "user", "content": rows(2)[1].user_message}
        began = time.monotonic()
        outcome = loop.run(client.complete({"model": "fake-llm", "messages": [message]}))
        assert time.monotonic() - began < SOON_S
    assert isinstance(outcome, Fault | Completion)
    assert KEY not in repr(outcome)


@pytest.mark.parametrize("surroundings", TRANSPORTS)
def test_a_connection_that_is_closed_between_requests_costs_nothing(surroundings):
    idle = Response("One.", drop_next=True)
    with FakeLlmServer(lambda payload: idle) as server:
        llm = OpenAiLanguageModel(
            settings(server.base_url, concurrency=1), surroundings=surroundings
        )
        replies = []
        llm.merge(rows(5), replies.append)
    assert [(reply.caption, reply.attempts) for reply in replies] == [("One.", 1)] * 5
    assert len(server.requests) == 5


@pytest.mark.parametrize("surroundings", TRANSPORTS)
def test_a_server_that_does_not_take_connections_is_given_up_in_time(surroundings):
    """An address of a network for documentation: nobody is there to refuse (RFC 5737)."""
    with EventLoopThread() as loop:
        client = LlmClient(
            Server("http://192.0.2.1:9/v1", None),
            timeout_s=TIMEOUT_S,
            connections=1,
            has_aiohttp=surroundings.has_aiohttp,
        )
        loop.on_close(client.close)
        began = time.monotonic()
        outcome = loop.run(client.list_models())
        assert time.monotonic() - began < SOON_S
    assert isinstance(outcome, Fault)


@pytest.mark.parametrize("surroundings", TRANSPORTS)
def test_a_server_elsewhere_is_asked_through_the_proxy_of_the_environment(
    surroundings, monkeypatch
):
    for name in ("NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with FakeLlmServer() as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
        asked = settings("http://llm.invalid/v1")
        with pytest.raises(ServerError, match=r"has no model .*no such page"):
            OpenAiLanguageModel(asked, surroundings=surroundings).merge(rows(1), print)


def megabytes(count):
    return b" " * (count * 2**20)


@pytest.mark.parametrize("surroundings", TRANSPORTS)
@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(Response(raw=megabytes(5)), id="endless"),
        pytest.param(
            Response(raw=gzip.compress(megabytes(200)), headers={"Content-Encoding": "gzip"}),
            id="gzip bomb",
        ),
    ],
)
def test_an_answer_that_would_fill_the_memory_is_not_read_to_its_end(answer, surroundings):
    replies, error, own = merge(Case(answer, "server_error"), surroundings)
    assert error is None
    assert [reply.error_kind for reply in replies] == [None, "server_error", None]
    assert "failed in each of 2 tries: the answer is longer than" in str(replies[1].error)
    assert own[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("surroundings", TRANSPORTS)
@pytest.mark.parametrize("charset", ["hex", "rot13", "undefined"])
def test_an_error_in_a_charset_that_is_no_text_fails_its_row_and_not_the_run(charset, surroundings):
    headers = {"Content-Type": f"text/plain; charset={charset}"}
    answer = Response(status=500, raw=b"oops", headers=headers)
    replies, error, _ = merge(Case(answer, "server_error"), surroundings)
    assert error is None
    assert "answered 500 in each of 2 tries: oops" in str(replies[1].error)


@pytest.mark.parametrize("field", ["content", "refusal"])
def test_a_key_that_a_server_repeats_in_escapes_is_in_no_reply(field):
    escaped = "".join(f"\\u{ord(character):04x}" for character in KEY)
    raw = f'{{"choices": [{{"message": {{"{field}": "A dog. {escaped}"}}}}]}}'.encode()
    replies, _, _ = merge(Case(Response(raw=raw), None), TRANSPORTS[-1].values[0])
    assert "A dog. ***" in str(replies[1])
    assert KEY not in str(replies)
