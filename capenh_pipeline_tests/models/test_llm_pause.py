"""A server that asks for patience: all requests wait, as long as it says."""

import asyncio
import time

import pytest

from capenh_pipeline.models.llm import OpenAiLanguageModel
from capenh_pipeline.models.llm_faults import RATE_LIMITED, Fault, Severity
from capenh_pipeline.models.llm_pause import SPREAD_S, Pause
from capenh_pipeline.models.llm_surroundings import Surroundings
from capenh_pipeline_tests.fakes.fake_time import FakeTime
from capenh_pipeline_tests.fakes.llm_server import (
    FakeLlmServer,
    Response,
    error_body,
    first_then_merge,
    merge_reply,
)
from capenh_pipeline_tests.models.llm_rows import ask, merged, rows, settings

BUSY = Fault(Severity.TRANSIENT, RATE_LIMITED, "slow down", status=429)


def asks_for(retry_after_s):
    return Fault(Severity.TRANSIENT, RATE_LIMITED, "", retry_after_s=retry_after_s)


def busy(value):
    return Response(status=429, headers={"Retry-After": value}, body=error_body("slow down"))


@pytest.mark.parametrize("seconds", [1, 300, 100_000])
def test_a_pause_is_as_long_as_the_server_asks_for(seconds):
    around = FakeTime()
    (reply,), _ = ask(first_then_merge(busy(str(seconds))), surroundings=around.surroundings())
    assert reply.attempts == 2
    assert around.slept == [seconds + min(seconds, SPREAD_S) / 2]


def test_a_pause_of_one_row_is_one_of_all():
    around = FakeTime()
    went = []

    def reply(payload):
        went.append(around.now)
        return busy("300") if len(went) == 1 else "A dog."

    with FakeLlmServer(reply) as server:
        llm = OpenAiLanguageModel(
            settings(server.base_url, concurrency=1), surroundings=around.surroundings()
        )
        merged(llm, rows(5))
    assert min(went[1:]) >= went[0] + 300


def test_those_that_waited_together_go_one_after_another():
    chances = iter([0.0, 0.25, 0.5, 1.0])
    times = FakeTime()
    around = Surroundings(times.clock, times.sleep, lambda: next(chances))

    async def all_wait():
        pause = Pause("here", 1.0, around)
        pause.refused(asks_for(60), sent_at=times.now)
        await asyncio.gather(*[pause.wait() for _ in range(4)])

    asyncio.run(all_wait())
    assert times.slept == [60 + SPREAD_S * chance for chance in (0.0, 0.25, 0.5, 1.0)]


def test_a_long_pause_is_told_once_however_many_were_refused(caplog):
    around = FakeTime()
    pause = Pause("LLM server at http://here/v1", 1.0, around.surroundings())
    for _ in range(64):
        pause.refused(asks_for(300), sent_at=around.now)
        around.now += 0.01
    (told,) = caplog.messages
    assert told.startswith("The LLM server at http://here/v1 asks to wait 300 s (until ")


def test_a_pause_of_ours_is_not_said_to_be_a_wish_of_the_server(caplog):
    around = FakeTime(spread=1.0)
    pause = Pause("LLM server at http://here/v1", 1.0, around.surroundings())
    for _ in range(9):
        pause.refused(asks_for(1), sent_at=around.now)
        asyncio.run(pause.wait())
    assert max(around.slept) > 30
    assert not caplog.messages


def test_a_server_that_does_not_say_how_long_is_left_alone_ever_longer():
    around = FakeTime(spread=1.0)
    pause = Pause("here", 1.0, around.surroundings())

    pauses = []
    for longest in (1, 2, 4, 8, 16, 30, 30):
        began = around.now
        assert pause.refused(BUSY, sent_at=began)
        assert not pause.refused(BUSY, sent_at=began - 0.1)  # was in flight already
        asyncio.run(pause.wait())
        pauses.append(around.now - began - min(SPREAD_S, longest))
    assert pauses == [1, 2, 4, 8, 16, 30, 30]
    pause.answered()
    began = around.now
    pause.refused(BUSY, sent_at=began)
    asyncio.run(pause.wait())
    assert around.now - began == 2


@pytest.mark.parametrize("value", ["0", "Wed, 21 Oct 2015 07:28:00 GMT"])
def test_the_pause_that_a_server_asks_for_replaces_our_own(value):
    started = time.monotonic()
    (reply,), _ = ask(first_then_merge(busy(value)), backoff_s=60)
    assert reply.attempts == 2
    assert time.monotonic() - started < 20


@pytest.mark.parametrize("value", ["0", "0.001", "Wed, 21 Oct 2015 07:28:00 GMT"])
def test_a_server_that_refuses_for_a_while_and_asks_for_no_pause_loses_no_row(value):
    around = FakeTime()
    well_at = around.now + 60

    def reply(payload):
        return busy(value) if around.now < well_at else merge_reply(payload)

    with FakeLlmServer(reply) as server:
        asked = settings(server.base_url, concurrency=8, backoff_s=1.0)
        llm = OpenAiLanguageModel(asked, surroundings=around.surroundings())
        replies = merged(llm, rows(40))
    assert [reply.error for reply in replies] == [None] * 40
    assert len(server.requests) < 40 + 60


@pytest.mark.parametrize(
    "value",
    [
        *("soon", "nan", "inf", "-", "-5", ""),
        "Mon, 01 Jan 99999999999999999999 00:00:00 GMT",
        "Mon, 01 Jan 2035 00:00:00 +99999999999999999",
    ],
)
def test_a_pause_that_cannot_be_read_is_ours(value):
    (reply,), _ = ask(first_then_merge(busy(value)))
    assert reply.attempts == 2


def test_pauses_after_a_failed_try_are_anything_up_to_a_limit_that_doubles():
    longest = FakeTime(spread=1.0).surroundings()
    limits = [longest.backoff_s(1.0, attempt=attempt) for attempt in (1, 2, 3, 4, 5, 6, 7, 10_000)]
    assert limits == [1, 2, 4, 8, 16, 30, 30, 30]
    assert FakeTime(spread=0.0).surroundings().backoff_s(1.0, attempt=5) == 0
