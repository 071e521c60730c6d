"""`kill -9` at random moments of the whole command, while a thread of it compacts the store."""

import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import polars as pl
import psutil
import pytest

from capenh_pipeline.demo.chance import seeded
from capenh_pipeline.domain.identity import sha256_hex
from capenh_pipeline.domain.schemas import COMBINED_CAPTIONS, VLM_CAPTIONS
from capenh_pipeline.tables.store import Store
from capenh_pipeline_tests.faults.plain_readers import torn_parts
from capenh_pipeline_tests.faults.quick_command import TABLES, started_command
from capenh_pipeline_tests.images import colour
from capenh_pipeline_tests.processes import PATIENCE_S, POLL_S

IMAGES = 24
CHECKPOINT_ROWS = 4
PAUSE_S = 0.2
AT_WORK = 4  # images in the VLM's threads
FIRST = "round 0"

Rows = set[tuple[object, ...]]


class Watched:
    """A store, what a reader of it has seen, and what it had to complain of."""

    def __init__(self, root: Path) -> None:
        self.store = Store(root=root, shard_digits=1)
        self.torn: list[str] = []
        self._seen: Rows = set()

    def rows(self) -> Rows:
        """What a reader sees now: the key of each row, and its caption."""
        return {
            (schema.name, *row)
            for schema in TABLES
            for row in self.store.table(schema).read(columns=_named(schema)).iter_rows()
        }

    def read_until(self, ends: threading.Event) -> None:
        while not ends.is_set():
            self._seen |= self.rows()
            self.torn += torn_parts(self.store.root)
            ends.wait(PAUSE_S)

    def check(self) -> None:
        """Fail if a row that a reader has seen is gone, or a file is torn."""
        seen = set(self._seen)
        assert seen <= self.rows()
        assert self.torn == []


def _named(schema):
    return [*schema.key, *(name for name in schema.columns if name == "caption")]


@contextmanager
def watched(root: Path) -> Iterator[Watched]:
    """Yield the store at `root`, which is read without a pause meanwhile."""
    ends, store = threading.Event(), Watched(root)
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(store.read_until, ends)
        try:
            yield store
        finally:
            ends.set()
        reading.result()


class Dataset:
    """Images of one colour each, and a record of the captions that models were asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._calls = folder.with_suffix(".calls")
        self.said = folder.with_suffix(".said")
        self.said.touch()
        self.colours = {folder / f"{n}.png": (n, 2 * n, 7) for n in range(IMAGES)}
        for path, rgb in self.colours.items():
            colour(path, rgb)

    def begin(self, prompt: str) -> ForkServerProcess:
        words = ("--prompt", prompt, "--checkpoint_rows", CHECKPOINT_ROWS)
        return started_command(
            *(self.folder, *words, "--batch_size", 1, "--num_workers", 1),
            calls=self._calls,
            said=self.said,
        )

    def finish(self, prompt: str) -> None:
        process = self.begin(prompt)
        process.join(PATIENCE_S)
        assert process.exitcode == 0, self.said.read_text()

    def calls(self) -> list[str]:
        """The captions that models were asked for."""
        return self._calls.read_text().splitlines() if self._calls.exists() else []

    def content(self) -> dict[str, object]:
        """What the first round was for: both captions of each image, and the files."""
        store = Store(root=self.folder / ".capenh", shard_digits=1)
        seen, combined = (
            store.table(schema).read().filter(pl.col(column).str.contains(FIRST, literal=True))
            for schema, column in ((VLM_CAPTIONS, "prompt"), (COMBINED_CAPTIONS, "vlm_caption"))
        )
        return {
            "vlm": sorted(seen.select("image_hash", "caption").rows()),
            "combined": sorted(combined.select("image_hash", "caption").rows()),
            "files": {path.name: path.read_text() for path in self.folder.glob("*.txt")},
        }


@pytest.fixture
def dataset(tmp_path):
    return Dataset(tmp_path / "images")


def test_two_kills_lose_nothing_and_little_is_computed_again(dataset):
    _kill_and_finish(dataset, kills=2)
    assert dataset.content() == {
        "vlm": sorted((_hash(path), f"{FIRST} {rgb}") for path, rgb in dataset.colours.items()),
        "combined": sorted((_hash(path), _combined(rgb)) for path, rgb in dataset.colours.items()),
        "files": {
            f"{path.stem}_combined.txt": f"{_combined(rgb)}\n"
            for path, rgb in dataset.colours.items()
        },
    }


@pytest.mark.soak
def test_two_hundred_kills_leave_what_an_undisturbed_run_does(dataset, tmp_path):
    undisturbed = Dataset(tmp_path / "undisturbed")
    undisturbed.finish(FIRST)
    _kill_and_finish(dataset, kills=200)
    assert dataset.content() == undisturbed.content()


def _hash(path):
    return sha256_hex(path.read_bytes())


def _combined(rgb):
    return f"<vlm_caption> {FIRST} {rgb} </vlm_caption>"


def _kill_and_finish(dataset, *, kills):
    with watched(dataset.folder / ".capenh") as store:
        _kill(dataset, store, kills=kills)
        dataset.finish(FIRST)
        store.check()
    computed_again = len(dataset.calls()) - len(set(dataset.calls()))
    assert computed_again <= kills * (CHECKPOINT_ROWS + AT_WORK)


def _kill(dataset, store, *, kills):
    """Kill runs at random moments; one that ends before is followed by one of another prompt."""
    chance, whole_s, rounds = seeded(kills), 2.0, 0
    for number in range(kills):
        process = dataset.begin(f"round {rounds}")
        if number % 2:
            _wait_for_calls(process, dataset, chance.randrange(2 * IMAGES))
        else:
            whole_s = max(whole_s, _wait_for_cpu(process, chance.random() * whole_s))
        process.kill()
        process.join(PATIENCE_S)
        assert process.exitcode in (0, -signal.SIGKILL)
        assert "Traceback" not in dataset.said.read_text()
        store.check()
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
