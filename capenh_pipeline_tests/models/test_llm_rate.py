"""Limits of requests and tokens a minute, and who shares them."""

import asyncio
import contextlib
import multiprocessing
import stat
import time

import pytest
from filelock import FileLock

from capenh_pipeline.errors import ConfigurationError
from capenh_pipeline.models.llm import OpenAiLanguageModel
from capenh_pipeline.models.llm_protocol import Completion
from capenh_pipeline.models.llm_rate import RateLimit, turns_folder
from capenh_pipeline_tests.fakes.fake_time import FakeTime
from capenh_pipeline_tests.fakes.llm_server import FakeLlmServer
from capenh_pipeline_tests.models.llm_rows import merged, rows, settings

URL = "http://llm.invalid/v1"


@pytest.fixture(autouse=True)
def temp_folder(tmp_path, monkeypatch):
    """Every test has turns of its own; child processes inherit the variable."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    return tmp_path


def limited(around, **limits):
    return RateLimit(URL, settings(URL, **limits), clock=around.clock)


def times_of(around, limit, tokens):
    """Return when requests of so many tokens go that all wait from now on."""
    began = around.now
    went = []
    for count in tokens:
        asyncio.run(limit.wait(count, around.sleep))
        went.append(round(around.now - began, 6))
    return went


def test_requests_go_at_even_distances():
    around = FakeTime()
    limit = limited(around, requests_per_minute=120)
    assert times_of(around, limit, [0] * 4) == [0, 0.5, 1.0, 1.5]


def test_what_was_not_used_is_not_saved_up():
    around = FakeTime()
    limit = limited(around, requests_per_minute=60)
    times_of(around, limit, [0])
    around.now += 600
    assert times_of(around, limit, [0] * 3) == [0, 1, 2]


def test_a_request_waits_until_the_tokens_before_it_are_paid_for():
    around = FakeTime()
    limit = limited(around, tokens_per_minute=6000)
    assert times_of(around, limit, [300, 100, 50]) == [0, 3, 4]


def test_the_stricter_limit_counts():
    around = FakeTime()
    limit = limited(around, requests_per_minute=60, tokens_per_minute=6000)
    assert times_of(around, limit, [10, 300, 10, 10]) == [0, 1, 4, 5]


def test_an_estimate_is_the_prompt_and_the_mean_answer_so_far():
    limit = limited(FakeTime(), tokens_per_minute=6000)
    messages = [{"content": "x" * 400}, {"content": "y" * 400}]
    assert limit.estimate(messages) == 200 + 100
    for tokens in (20, 40):
        limit.correct(300, Completion("A", "stop", None, 100, tokens))
    assert limit.estimate(messages) == 200 + 30


@pytest.mark.parametrize(("cost", "third"), [(500, 8), (100, 4)])
def test_an_estimate_that_was_wrong_is_settled_with_the_next_request(cost, third):
    around = FakeTime()
    limit = limited(around, tokens_per_minute=6000)
    times_of(around, limit, [300])
    limit.correct(300, Completion("A", "stop", None, cost - 7, 7))
    assert times_of(around, limit, [300, 300]) == [3, third]


def test_a_server_that_counts_no_tokens_is_believed_the_estimate():
    around = FakeTime()
    limit = limited(around, tokens_per_minute=6000)
    times_of(around, limit, [300])
    limit.correct(300, Completion("A", "stop", None, 0, 0))
    assert times_of(around, limit, [300]) == [3]


def test_without_a_limit_there_is_no_file_and_no_wait(temp_folder):
    around = FakeTime()
    assert times_of(around, limited(around), [10**9] * 3) == [0, 0, 0]
    assert not list(temp_folder.iterdir())


def test_two_limits_of_one_address_share_their_turns_and_two_addresses_do_not():
    around = FakeTime()
    first, second = (limited(around, requests_per_minute=60) for _ in range(2))
    other = RateLimit("http://other", settings(URL, requests_per_minute=60), clock=around.clock)
    assert times_of(around, first, [0, 0]) == [0, 1]
    assert times_of(around, other, [0]) == [0]
    assert times_of(around, second, [0]) == [1]


def test_turns_that_are_far_away_are_held_too():
    """At one a minute, the last of these waits for more than an hour."""
    around = FakeTime()
    limit = limited(around, requests_per_minute=1)

    async def all_wait():
        await asyncio.gather(*[went(limit) for _ in range(64)])

    async def went(limit):
        await limit.wait(0, around.sleep)
        times.append(round(around.now - began))

    began, times = around.now, []
    asyncio.run(all_wait())
    assert times == [60 * place for place in range(64)]


def test_requests_that_were_given_up_hold_up_nobody():
    limits = {"requests_per_minute": 60}
    around = FakeTime()

    async def interrupted():
        waiting = [asyncio.create_task(limit.wait(0, asyncio.sleep)) for _ in range(16)]
        await waiting[0]
        for task in waiting[1:]:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

    limit = limited(around, **limits)
    asyncio.run(interrupted())
    assert times_of(around, limited(around, **limits), [0])[0] <= 2


def test_an_interrupt_does_not_wait_for_a_process_that_was_stopped_with_the_lock():
    around = FakeTime()
    limit = limited(around, requests_per_minute=60)
    times_of(around, limit, [0])
    (path,) = turns_folder().glob("*.lock")

    async def interrupted():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(limit.wait(0, around.sleep), 0.1)

    with FileLock(path, is_singleton=False):
        started = time.monotonic()
        asyncio.run(interrupted())
        assert time.monotonic() - started < 30  # the lock is held for ever
    assert times_of(around, limit, [0]) == [1]


@pytest.mark.parametrize("content", ["", "no number", "nan", "inf", "1e99", "-1e99"])
def test_a_broken_file_starts_anew(content):
    around = FakeTime()
    limit = limited(around, requests_per_minute=60)
    times_of(around, limit, [0])
    (path,) = turns_folder().glob("*.turn")
    path.write_text(content)
    assert times_of(around, limit, [0, 0]) == [0, 1]


def test_the_file_is_for_its_user_alone_and_holds_no_secret():
    asked = settings("http://user:sk-secret@127.0.0.1:9/v1?key=sk-secret", tokens_per_minute=10**6)
    llm = OpenAiLanguageModel(asked, api_key="sk-secret-too")
    with pytest.raises(Exception, match="No LLM server answers"):
        merged(llm, rows(1))
    folder = turns_folder()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for path in folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert "secret" not in f"{path.name}{path.read_text()}"
    assert len(list(folder.iterdir())) == 2


def test_a_folder_of_somebody_else_is_not_trusted(temp_folder):
    folder = turns_folder()
    folder.rmdir()
    (temp_folder / "elsewhere").mkdir()
    folder.symlink_to(temp_folder / "elsewhere")
    with pytest.raises(ConfigurationError, match="belongs to somebody else"):
        turns_folder()


def ask_ten(url, tmp):
    import tempfile

    tempfile.tempdir = tmp
    llm = OpenAiLanguageModel(settings(url, requests_per_minute=600))
    assert all(reply.error is None for reply in merged(llm, rows(10)))


def test_two_processes_hold_a_limit_together(temp_folder):
    spawn = multiprocessing.get_context("spawn")
    arrivals = []

    def reply(payload):
        arrivals.append(time.monotonic())
        return "A dog."

    with FakeLlmServer(reply) as server:
        processes = [
            spawn.Process(target=ask_ten, args=(server.base_url, str(temp_folder)))
            for _ in range(2)
        ]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    assert len(arrivals) == 20
    # at ten a second, twenty take 1.9 s at least; each process alone would take 0.9 s
    assert arrivals[-1] - arrivals[0] > 1.7
