"""Batches to workers: each is done once, whatever becomes of the workers."""

import os
import signal
import time

import pytest

from capenh_pipeline.engines.base import Lost
from capenh_pipeline.errors import ModelError
from capenh_pipeline_tests.fakes.squares import BROKEN, DEADLY, ENDLESS, FATAL, ODD, Numbers
from capenh_pipeline_tests.processes import processes, wait_until


def jobs(numbers, *, size=4):
    numbers = list(numbers)
    return [Numbers(tuple(numbers[start : start + size])) for start in range(0, len(numbers), size)]


def squares(results):
    """Return the squares and the lost numbers of results, and that none came twice."""
    found, lost = {}, []
    for result in results:
        if isinstance(result, Lost):
            lost += result.job.values
            continue
        assert not found.keys() & result.keys()
        found |= result
    return found, lost


def all_squares(numbers):
    return {number: number * number for number in numbers}, []


def test_every_job_is_done_once(engines):
    engine = engines.open()
    assert squares(engine.run(jobs(range(50)))) == all_squares(range(50))
    assert sorted(engines.done()) == list(range(50))


def test_the_workers_stay_from_one_run_to_the_next(engines):
    engine = engines.open()
    for _ in range(3):
        assert squares(engine.run(jobs(range(8)))) == all_squares(range(8))
    assert squares(engine.run([])) == ({}, [])
    assert len(engines.starts()) <= engine.workers


def test_what_workers_are_like_is_known_before_the_first_job(engines):
    engine = engines.open(room=3)
    assert engine.facts == {"kind": "squares"}
    assert engine.room == 3


def test_while_nobody_takes_results_no_job_is_taken(engines):
    engine, taken = engines.open(), []

    def endless():
        for number in range(10_000):
            taken.append(number)
            yield Numbers((number,))

    results = engine.run(endless())
    for count in range(20):
        next(results)
        time.sleep(0.02)  # a slow store
        assert len(taken) - count <= engine.workers * engine.room + engines.ahead
    results.close()


def test_an_error_of_the_run_ends_it(engines):
    engine = engines.open()
    with pytest.raises(ModelError, match="The model is bad"):
        list(engine.run(jobs([1, FATAL, 2])))


def test_a_mistake_in_the_code_is_not_hidden(engines):
    engine = engines.open()
    with pytest.raises((KeyError, RuntimeError), match="odd"):
        list(engine.run(jobs([1, ODD, 2])))


def test_a_worker_that_cannot_be_made_is_one_sentence(engines):
    with pytest.raises(ModelError, match="There is no such model"):
        assert engines.open(start="refuse").facts


def test_a_job_that_kills_its_worker_is_halved_and_one_number_is_lost(distant):
    engine = distant.open()
    numbers = [*range(20), DEADLY, *range(20, 40)]
    found, lost = squares(engine.run(jobs(numbers, size=8)))
    assert (found, lost) == (all_squares(range(40))[0], [DEADLY])


def test_several_jobs_that_kill_cost_only_themselves(distant):
    engine = distant.open()
    numbers = [DEADLY, *range(6), DEADLY, DEADLY, *range(6, 12)]
    found, lost = squares(engine.run(jobs(numbers, size=5)))
    assert (found, lost) == (all_squares(range(12))[0], [DEADLY] * 3)


@pytest.mark.slow
def test_a_job_that_hangs_ends_its_worker_and_costs_only_itself(distant, caplog):
    """Time goes by only while the one worker is at what has no end."""
    now = 0.0

    def clock():
        nonlocal now
        ended = sum("it hung" in message for message in caplog.messages)
        if distant.done().count(ENDLESS) > ended:
            now += 400
        return now

    engine = distant.open(workers=1, limits={"batch_timeout_s": 600, "clock": clock})
    numbers = [*range(6), ENDLESS, *range(6, 12)]
    results = list(engine.run(jobs(numbers, size=3)))
    assert squares(results) == (all_squares(range(12))[0], [ENDLESS])
    assert [one.why for one in results if isinstance(one, Lost)] == [
        "it hung: no batch was finished in 600 s"
    ]


def test_a_device_that_is_lost_costs_its_worker_not_the_run(distant):
    engine = distant.open()
    found, lost = squares(engine.run(jobs([1, 2, BROKEN, 3])))
    assert (found, lost) == (all_squares([1, 2, 3])[0], [BROKEN])


def test_workers_that_are_killed_are_replaced_and_little_is_done_again(distant):
    engine = distant.open(job_s=0.05)
    found, killed = {}, set()
    for count, result in enumerate(engine.run(jobs(range(120), size=2))):
        assert not found.keys() & result.keys()
        found |= result
        if count in (10, 30):
            killed.add(next(pid for pid in distant.starts() if pid not in killed))
            for pid in killed & {process.pid for process in processes()}:
                os.kill(pid, signal.SIGKILL)
    assert found == all_squares(range(120))[0]
    assert engine.workers < len(distant.starts()) <= engine.workers + len(killed)
    assert len(distant.done()) - 120 <= 2 * engine.room * 2  # two deaths, jobs of two numbers


def test_all_workers_killed_at_once_cost_no_job(distant):
    engine = distant.open(job_s=0.02)
    results = engine.run(jobs(range(60), size=2))
    found = dict(next(results))
    for pid in distant.starts():
        os.kill(pid, signal.SIGKILL)
    for result in results:
        found |= result
    assert found == all_squares(range(60))[0]


def test_a_worker_that_never_starts_ends_the_run_in_one_sentence(distant):
    with pytest.raises(ModelError, match="No worker can be started: it ended 3 times"):
        assert distant.open(start="die").facts
    assert len(distant.starts()) <= 2 * 3


def test_workers_that_finish_nothing_end_the_run(distant):
    engine = distant.open(limits={"most_deaths": 4})
    with pytest.raises(ModelError, match=r"8 workers have ended .* without finishing a batch"):
        list(engine.run(jobs([DEADLY] * 64, size=64)))


def test_nobody_is_left_when_it_is_closed(distant):
    engine = distant.open(job_s=30)
    results = engine.run(jobs(range(20)))
    assert engine.facts
    engine.close()
    results.close()
    started = set(distant.starts())
    assert started
    wait_until(lambda: not started & {process.pid for process in processes()})
