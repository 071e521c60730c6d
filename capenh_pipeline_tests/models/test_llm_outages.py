"""A server that goes down in mid-run: what waits, what is lost (nothing), and for how long."""

import asyncio
import signal
import subprocess
import sys
import threading
import time

import pytest

from capenh_pipeline.errors import ServerError
from capenh_pipeline.models.llm import OpenAiLanguageModel
from capenh_pipeline.models.llm_breaker import Inquiry
from capenh_pipeline.models.llm_endpoint import COST_OF_FAILURE, Endpoint, Knowledge
from capenh_pipeline.models.llm_faults import Fault, Severity
from capenh_pipeline.models.llm_session import QUESTION
from capenh_pipeline.models.llm_surroundings import REAL
from capenh_pipeline_tests.fakes.fake_time import FakeTime
from capenh_pipeline_tests.fakes.llm_server import (
    FakeLlmServer,
    Response,
    captions_in,
    error_body,
    merge_reply,
)
from capenh_pipeline_tests.fakes.loopback import text_of
from capenh_pipeline_tests.models.llm_rows import TRANSPORTS, merged, rows, settings
from capenh_pipeline_tests.models.test_llm_loop import INTERRUPTED_MERGE

OOPS = Response(status=500, body=error_body("oops"))


def is_probe(payload):
    return text_of(payload, "user") == QUESTION.user_message


def after(count, then):
    """Return a reply that merges `count` times and is `then` from there on."""
    left = iter(range(count))

    def reply(payload):
        return then(payload) if next(left, None) is None else merge_reply(payload)

    return reply


@pytest.mark.parametrize("surroundings", TRANSPORTS)
@pytest.mark.parametrize("concurrency", [1, 8])
def test_a_server_that_dies_and_comes_back_loses_nothing(surroundings, concurrency):
    replies = []

    def emit(reply):
        replies.append(reply)
        if len(replies) == 3:
            server.__exit__(None, None, None)
            comeback.start()

    server = FakeLlmServer().__enter__()
    successor = FakeLlmServer(port=server.port)
    comeback = threading.Timer(0.5, successor.__enter__)
    llm = OpenAiLanguageModel(
        settings(server.base_url, concurrency=concurrency, backoff_s=0.02),
        surroundings=surroundings,
    )
    try:
        llm.merge(rows(30), emit)
    finally:
        comeback.join()
        successor.__exit__(None, None, None)
    assert sorted(reply.key for reply in replies) == sorted(row.key for row in rows(30))
    assert [reply.error for reply in replies] == [None] * 30


@pytest.mark.parametrize("surroundings", TRANSPORTS)
def test_a_server_that_stays_away_ends_the_run_and_what_it_answered_is_kept(surroundings):
    replies = []

    def emit(reply):
        replies.append(reply)
        if len(replies) == 3:
            server.__exit__(None, None, None)

    server = FakeLlmServer().__enter__()
    llm = OpenAiLanguageModel(
        settings(server.base_url, concurrency=1, patience_s=0.3), surroundings=surroundings
    )
    words = (
        r"No LLM server answers at .* any more \(.*Connect call failed.*\), for 0.3 s now: start"
    )
    with pytest.raises(ServerError, match=words):
        llm.merge(rows(10), emit)
    assert 3 <= len(replies) <= 4  # one may have been on its way
    assert all(reply.error is None for reply in replies)


def test_patience_is_as_long_as_it_was_set_and_pauses_grow_to_half_a_minute():
    around = FakeTime(spread=1.0)
    began = around.now
    with FakeLlmServer(after(1, lambda payload: OOPS)) as server:
        asked = settings(server.base_url, concurrency=1, patience_s=600, backoff_s=1)
        llm = OpenAiLanguageModel(asked, surroundings=around.surroundings())
        replies = []
        with pytest.raises(ServerError, match=r"\(oops\), for 600 s now"):
            llm.merge(rows(9), replies.append)
    assert len(replies) == 1
    assert 600 <= around.now - began < 700
    assert max(around.slept) == 30
    probes = [request for request in server.requests if is_probe(request.body)]
    assert 20 < len(probes) < 30
    assert len(server.requests) - len(probes) < 10


def test_waiting_as_it_was_asked_to_costs_no_patience():
    around = FakeTime()
    began = around.now
    busy = Response(status=503, headers={"Retry-After": "500"}, body=error_body("loading"))
    answers = iter([OOPS] * 6 + [busy] * 4)

    def reply(payload):
        return next(answers, None) or merge_reply(payload)

    with FakeLlmServer(after(1, reply)) as server:
        asked = settings(server.base_url, concurrency=1, patience_s=600)
        llm = OpenAiLanguageModel(asked, surroundings=around.surroundings())
        replies = merged(llm, rows(3))
    assert [reply.error for reply in replies] == [None] * 3
    assert around.now - began >= 4 * 500


def test_no_patience_at_all_ends_the_run_with_the_first_probe():
    with FakeLlmServer(after(1, lambda payload: OOPS)) as server:
        llm = OpenAiLanguageModel(settings(server.base_url, concurrency=1, patience_s=0))
        with pytest.raises(ServerError, match="any more"):
            merged(llm, rows(9))
    assert sum(is_probe(request.body) for request in server.requests) == 1


def test_while_it_is_down_it_is_asked_by_one_probe_at_a_time_and_then_by_few_rows():
    probes, in_flight, at_once = 0, 0, []
    lock = threading.Lock()

    def reply(payload):
        nonlocal probes, in_flight
        with lock:
            probes += is_probe(payload)
            in_flight += 1
            at_once.append((is_probe(payload), in_flight))
            is_down = len(at_once) > 16 and probes < 4
        server.closing.wait(0.02)
        with lock:
            in_flight -= 1
        return OOPS if is_down else merge_reply(payload)

    with FakeLlmServer(reply) as server:
        llm = OpenAiLanguageModel(settings(server.base_url, concurrency=8, backoff_s=0.05))
        replies = merged(llm, rows(60))
    assert [reply.error for reply in replies] == [None] * 60
    kinds = [is_probe for is_probe, _ in at_once]
    second, last = kinds.index(True) + 1, len(kinds) - 1 - kinds[::-1].index(True)
    assert [count for is_probe, count in at_once[second : last + 1] if is_probe][-2:] == [1, 1]
    back = [count for _, count in at_once[last + 1 :]]
    assert back[0] == 1
    assert max(back[:3]) <= 2
    assert max(back) <= 8


@pytest.mark.parametrize("concurrency", [1, 4])
def test_rows_that_the_server_cannot_answer_fail_and_the_server_is_not_taken_for_dead(concurrency):
    def reply(payload):
        poisoned = captions_in(payload)[0] in [f"sks {i}" for i in range(4, 8)]
        return OOPS if poisoned else merge_reply(payload)

    with FakeLlmServer(reply) as server:
        llm = OpenAiLanguageModel(settings(server.base_url, concurrency=concurrency, patience_s=0))
        replies = merged(llm, rows(12))
    failed = sorted(reply.key[1] for reply in replies if reply.error)
    assert failed == [4, 5, 6, 7]
    assert len(replies) == 12


def test_a_server_that_never_gave_a_good_answer_is_given_up_after_twenty_rows():
    replies = []
    with FakeLlmServer(lambda payload: OOPS) as server:
        llm = OpenAiLanguageModel(settings(server.base_url, concurrency=1, max_attempts=2))
        with pytest.raises(ServerError, match=r"20 rows in a row .* answered 500 in each of 2"):
            llm.merge(rows(1000), replies.append)
    assert [reply.error_kind for reply in replies] == ["server_error"] * 19
    assert len(server.requests) == 40


def test_rejected_rows_in_a_row_do_not_end_the_run():
    rejected = Response(status=400, body=error_body("too long"))
    with FakeLlmServer(lambda payload: rejected) as server:
        replies = merged(OpenAiLanguageModel(settings(server.base_url)), rows(50))
    assert [reply.error_kind for reply in replies] == ["rejected"] * 50


def test_a_key_that_is_withdrawn_during_an_outage_ends_the_run():
    def down(payload):
        return Response(status=401, body=error_body("no")) if is_probe(payload) else OOPS

    with FakeLlmServer(after(1, down)) as server:
        llm = OpenAiLanguageModel(settings(server.base_url, concurrency=1))
        with pytest.raises(ServerError, match="wants an API key"):
            merged(llm, rows(9))


def test_what_is_down_and_up_again_is_told_once(caplog):
    with FakeLlmServer(after(1, after_probes(3))) as server:
        llm = OpenAiLanguageModel(settings(server.base_url, concurrency=1))
        merged(llm, rows(3))
    down, up = caplog.messages
    assert f"at {server.base_url} is down (oops)" in down
    assert up == f"The LLM server at {server.base_url} answers again."


def after_probes(count):
    """Return a reply that fails until `count` probes have failed."""
    left = iter(range(count))
    is_up = threading.Event()

    def reply(payload):
        if is_probe(payload) and next(left, None) is None:
            is_up.set()
        return merge_reply(payload) if is_up.is_set() else OOPS

    return reply


def test_while_a_server_wants_to_be_left_alone_nothing_goes_and_an_interrupt_keeps_what_is_done():
    busy = Response(status=429, headers={"Retry-After": "300"}, body=error_body("slow down"))
    refused = threading.Event()

    def refuse(payload):
        refused.set()
        return busy

    with FakeLlmServer(after(8, refuse)) as server:
        process = subprocess.Popen(  # noqa: S603  # our own code
            [sys.executable, "-c", INTERRUPTED_MERGE, server.base_url],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            assert refused.wait(60)
            time.sleep(1)  # long enough for any that should not go
            assert len(server.requests) <= 8 + 4
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
    *replies, last = out.splitlines()
    assert sum("error_kind=None" in reply for reply in replies) == len(replies) == 8
    assert last == "interrupted with 1 thread"
    assert err.count("asks to wait 300 s (until ") == 1


def test_a_row_that_finds_nobody_there_is_hardly_to_blame_though_the_probe_finds_the_server_well():
    """It may have come back between the two."""

    async def is_well():
        return None

    async def cost_of(severity):
        endpoint = Endpoint(
            "http://x/v1",
            settings("http://x/v1", max_attempts=1),
            REAL,
            knowledge=Knowledge(was_reached=True, has_answered=True),
            inquiry=Inquiry(is_well, complain=None),
        )
        fault = Fault(severity, "server_error", "…")
        return await endpoint.cost(fault, sent_at=REAL.clock())

    assert asyncio.run(cost_of(Severity.UNREACHABLE)) == COST_OF_FAILURE / 10
    assert asyncio.run(cost_of(Severity.TRANSIENT)) == COST_OF_FAILURE
