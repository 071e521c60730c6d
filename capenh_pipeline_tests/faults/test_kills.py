"""`kill -9` at random moments of the whole command, while a thread of it compacts the store."""

import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

import psutil
import pytest

from capenh_pipeline.demo.chance import seeded
from capenh_pipeline_tests.faults.dataset import CHECKPOINT_ROWS, Dataset, Rows
from capenh_pipeline_tests.faults.plain_readers import torn_parts
from capenh_pipeline_tests.processes import PATIENCE_S, POLL_S

IMAGES = 12
PAUSE_S = 0.05
AT_WORK = 4  # images in the VLM's threads


class Reader:
    """Looks at a store all the time, and keeps what it has seen and had to complain of."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self._seen: Rows = set()
        self._missed: Rows = set()
        self._torn: list[str] = []

    def read_until(self, ends: threading.Event) -> None:
        while not ends.wait(PAUSE_S):
            rows = self._dataset.rows()
            self._missed |= self._seen - rows
            self._seen |= rows
            self._torn += torn_parts(self._dataset.store.root)

    def check(self) -> None:
        """Fail if a row that was seen is gone, or was for a while, or a file was torn."""
        seen = set(self._seen)
        assert seen <= self._dataset.rows()
        assert self._missed == set()
        assert self._torn == []


@contextmanager
def reader_of(dataset: Dataset) -> Iterator[Reader]:
    ends, reader = threading.Event(), Reader(dataset)
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(reader.read_until, ends)
        try:
            yield reader
        finally:
            ends.set()
        reading.result()


@pytest.fixture
def dataset(tmp_path):
    return Dataset(tmp_path / "images", images=IMAGES)


@pytest.mark.slow
def test_two_kills_lose_nothing_and_little_is_computed_again(dataset):
    _kill_and_finish(dataset, kills=2)
    assert dataset.content() == dataset.wanted_content()


@pytest.mark.soak
def test_two_hundred_kills_leave_what_an_undisturbed_run_does(dataset, tmp_path):
    undisturbed = Dataset(tmp_path / "undisturbed", images=IMAGES)
    undisturbed.finish()
    _kill_and_finish(dataset, kills=200)
    assert dataset.content() == undisturbed.content() == dataset.wanted_content()


def _kill_and_finish(dataset, *, kills):
    with reader_of(dataset) as reader:
        _kill(dataset, reader, kills=kills)
        dataset.finish()
        reader.check()
    computed_again = len(dataset.calls()) - len(set(dataset.calls()))
    assert computed_again <= kills * (CHECKPOINT_ROWS + AT_WORK)


def _kill(dataset, reader, *, kills):
    """Kill runs at random moments; one that ends before is followed by one of another prompt."""
    chance, whole_s, rounds = seeded(kills), 2.0, 0
    for number in range(kills):
        process = dataset.begin(prompt=f"round {rounds}")
        if number % 2:
            _wait_for_calls(process, dataset, chance.randrange(2 * IMAGES))
        else:
            whole_s = max(whole_s, _wait_for_cpu(process, chance.random() * whole_s))
        process.kill()
        process.join(PATIENCE_S)
        assert process.exitcode in (0, -signal.SIGKILL)
        assert "Traceback" not in dataset.said.read_text()
        reader.check()
        rounds += process.exitcode == 0


def _wait_for_calls(process, dataset, calls):
    """Wait until the models were asked for so many more captions, or the process has ended."""
    calls += len(dataset.calls())
    while process.is_alive() and len(dataset.calls()) <= calls:
        time.sleep(POLL_S)


def _wait_for_cpu(process, most_s):
    """Wait until the process has computed for so long or has ended; return how long it has.

    A moment told by that does not depend on what else the machine is doing.
    """
    seen_s = 0.0
    with suppress(psutil.NoSuchProcess):
        times = psutil.Process(process.pid).cpu_times
        while process.is_alive() and seen_s < most_s:
            time.sleep(POLL_S)
            seen_s = times().user + times().system
    return seen_s
