"""Threads take memory together up to a bound."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from capenh_pipeline.errors import Stopped
from capenh_pipeline.stages.memory_bound import MemoryBound


def most_at_once(bound: MemoryBound, sizes: list[int]) -> int:
    """Let every size be taken by a thread of its own; return the largest sum that was seen."""
    lock, now, most = threading.Lock(), 0, 0

    def take(size: int) -> None:
        nonlocal now, most
        share = bound.take(size)
        with lock:
            now += size
            most = max(most, now)
        threading.Event().wait(0.002)
        with lock:
            now -= size
        share.give_back()

    with ThreadPoolExecutor(len(sizes)) as threads:
        list(threads.map(take, sizes))
    return most


def test_what_is_taken_together_stays_below_the_bound():
    assert most_at_once(MemoryBound(100), [30] * 12) <= 100


def test_what_is_larger_than_the_bound_has_its_way_alone():
    assert most_at_once(MemoryBound(100), [500, 30, 30, 500]) == 500


def test_memory_is_given_back_once():
    bound = MemoryBound(10)
    first = bound.take(6)
    first.give_back()
    first.give_back()
    bound.take(6)
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(bound.take, 6)
        with pytest.raises(TimeoutError):
            waiting.result(0.05)  # not 12 are free
        bound.stop()


def test_who_waits_when_it_is_stopped_gets_nothing():
    bound = MemoryBound(10)
    bound.take(10)
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(bound.take, 1)
        bound.stop()
        with pytest.raises(Stopped):
            waiting.result(60)
