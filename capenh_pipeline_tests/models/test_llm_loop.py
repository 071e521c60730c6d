"""Many requests in flight behind a plain call that can be interrupted at any moment."""

import asyncio
import signal
import subprocess
import sys
import threading

import pytest

from capenh_pipeline.errors import ServerError
from capenh_pipeline.models.base import MergeReply
from capenh_pipeline.models.llm import OpenAiLanguageModel, deliver
from capenh_pipeline.models.llm_loop import EventLoopThread, Flight
from capenh_pipeline_tests.fakes.llm_server import FakeLlmServer, captions_in, merge_reply
from capenh_pipeline_tests.models.llm_rows import rows, settings

# As Dagster does: the handler raises something that is no KeyboardInterrupt.
INTERRUPTED_MERGE = """
import signal, sys, threading
from capenh_pipeline.domain.fusion.verdict import Verdict
from capenh_pipeline.models.base import MergeRequest
from capenh_pipeline.models.llm import LlmSettings, OpenAiLanguageModel

def judge(answer):
    return Verdict(answer, None, None, (), None)

class Interrupt(BaseException):
    pass

def interrupt(number, frame):
    raise Interrupt

signal.signal(signal.SIGINT, interrupt)
llm = OpenAiLanguageModel(LlmSettings(sys.argv[1], "fake-llm", concurrency=4))
try:
    llm.merge((MergeRequest(i, "", f"row {i}", judge) for i in range(100)), print)
except Interrupt:
    print("interrupted with", threading.active_count(), "thread")
"""


def llm_threads():
    return [thread for thread in threading.enumerate() if thread.name == "llm"]


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit, GeneratorExit, ValueError])
def test_an_exception_out_of_emit_gives_up_what_is_in_flight(interrupt):
    def reply(payload):
        if captions_in(payload)[0] != "sks 0":
            server.closing.wait(60)
        return merge_reply(payload)

    def emit(reply):
        raise interrupt

    with FakeLlmServer(reply) as server:
        llm = OpenAiLanguageModel(settings(server.base_url, concurrency=4))
        with pytest.raises(interrupt):
            llm.merge(rows(9), emit)
        assert not llm_threads()
    assert len(server.requests) <= 5


def test_an_exception_out_of_the_rows_gives_up_what_is_in_flight():
    def broken():
        yield from rows(2)
        raise LookupError

    def reply(payload):
        server.closing.wait(60)
        return "late"

    with FakeLlmServer(reply) as server:
        llm = OpenAiLanguageModel(settings(server.base_url))
        with pytest.raises(LookupError):
            llm.merge(broken(), print)
        assert not llm_threads()


def test_an_interrupt_by_a_signal_ends_a_merge_cleanly():
    arrived = threading.Event()

    def reply(payload):
        arrived.set()
        server.closing.wait(60)
        return "late"

    command = [sys.executable, "-W", "error", "-c", INTERRUPTED_MERGE]
    with FakeLlmServer(reply) as server:
        process = subprocess.Popen(  # noqa: S603  # our own code
            [*command, server.base_url], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert arrived.wait(60)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (out, err, process.returncode) == ("interrupted with 1 thread\n", "", 0)


def test_what_is_ready_when_the_run_ends_is_emitted_first():
    others = []

    async def outcome_of(number):
        if number == 0:
            while len(others) < 2:
                await asyncio.sleep(0)
            raise ServerError("The key is refused.")
        others.append(number)
        return MergeReply(number, None, None, None, "stop", 1, 1, 1, 0.1)

    replies = []
    with EventLoopThread() as loop:
        flight = Flight(loop, outcome_of, limit=9)
        with pytest.raises(ServerError, match="refused"):
            deliver(flight, range(3), replies.append)
    assert sorted(reply.key for reply in replies) == [1, 2]


def test_what_still_runs_is_cancelled_before_the_loop_is_closed():
    log = []

    async def wait_for_ever():
        try:
            log.append("started")
            await asyncio.Event().wait()
        finally:
            log.append("cancelled")

    async def close():
        log.append("closed")

    with EventLoopThread() as loop:
        loop.on_close(close)
        loop.submit(wait_for_ever())
    assert log == ["started", "cancelled", "closed"]
    assert not llm_threads()


def test_no_thread_is_started_for_nothing():
    with EventLoopThread():
        assert not llm_threads()


async def wait_for(event):
    await event.wait()
    return "ready"


def handed_over(flight, count):
    results = []
    for _ in range(count):
        flight.hand_over(results.append)
    return results


async def set_all(events):
    for event in events:
        event.set()
    for _ in range(10):  # turns of the loop, so that those who wait come to their end
        await asyncio.sleep(0)


def test_a_flight_is_due_as_soon_as_something_is_ready():
    with EventLoopThread() as loop:
        event = asyncio.Event()
        flight = Flight(loop, wait_for, limit=9)
        flight.add(event)
        assert not flight.is_due
        loop.run(set_all([event]))
        assert flight.is_due
        assert handed_over(flight, 1) == ["ready"]


def test_a_flight_is_due_when_it_is_full():
    with EventLoopThread() as loop:
        events = [asyncio.Event() for _ in range(4)]
        flight = Flight(loop, wait_for, limit=2)
        assert flight.is_empty
        for event in events:
            assert not flight.is_due
            flight.add(event)
        assert flight.is_due
        loop.run(set_all(events))
        assert handed_over(flight, 4) == ["ready"] * 4
        assert flight.is_empty
        assert not flight.is_due


def test_no_more_than_allowed_are_worked_on_and_each_that_is_done_makes_way_for_the_next():
    begun, gates = [], [asyncio.Event() for _ in range(4)]

    async def work(number):
        begun.append(number)
        await gates[number].wait()
        return number

    with EventLoopThread() as loop:
        flight = Flight(loop, work, limit=2)
        for number in range(4):
            flight.add(number)
        loop.run(set_all([]))
        assert begun == [0, 1]
        loop.run(set_all([gates[1]]))
        assert begun == [0, 1, 2]
        loop.run(set_all(gates))
        assert handed_over(flight, 1) == [1]


def test_after_an_error_nothing_else_is_begun():
    begun, gate = [], asyncio.Event()

    async def work(number):
        begun.append(number)
        if number == 0:
            raise LookupError
        await gate.wait()

    with EventLoopThread() as loop:
        flight = Flight(loop, work, limit=2)
        for number in (1, 0):
            flight.add(number)
        loop.run(set_all([]))
        for number in (2, 3):
            flight.add(number)
        with pytest.raises(LookupError):
            flight.hand_over(print)
        loop.run(set_all([gate]))
    assert begun == [1, 0]


def test_an_interrupt_in_the_moment_in_which_a_reply_gets_ready_does_not_cost_it():
    async def work(number):
        if number == 1:  # begun in the same turn of the loop: the other thread just wakes up
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
            await asyncio.Event().wait()
        while not flight.is_due:
            await asyncio.sleep(0)
        return number

    replies = []
    with EventLoopThread() as loop:
        flight = Flight(loop, work, limit=1)
        with pytest.raises(KeyboardInterrupt):
            deliver(flight, range(2), replies.append)
    assert replies == [0]
