"""A run that is stopped at a moment that the test chooses: nothing finished is lost."""

import os
import signal
import threading
import time

import polars as pl
import pytest

from capenh_pipeline.demo.checkpoints import FLORENCE_FOLDER
from capenh_pipeline_tests.command import capenh, started_capenh
from capenh_pipeline_tests.fakes.llm_server import FakeLlmServer, merge_reply
from capenh_pipeline_tests.images import draw

IMAGES = 8
FINISHED = 3
PATIENCE_S = 120


class Gate:
    """Lets the first requests pass and holds the next one until it is opened."""

    def __init__(self):
        self.reached = threading.Event()
        self.opened = threading.Event()
        self._lock = threading.Lock()
        self._seen = 0

    def __call__(self, payload):
        with self._lock:
            self._seen += 1
            seen = self._seen
        if seen == FINISHED + 1:
            self.reached.set()
            self.opened.wait(PATIENCE_S)
        return merge_reply(payload)


@pytest.fixture
def dataset(tmp_path):
    folder = tmp_path / "images"
    for number in range(IMAGES):
        draw(folder / f"{number}.png", number)
    return folder


def stopped_run(dataset, how, *, after=lambda: None):
    """Start a run and stop it while its fourth request is in flight, once `after` returns."""
    gate = Gate()
    with FakeLlmServer(gate, models=None) as server:
        words = [
            *("enhance", "--dataset_dir", dataset, "--model_id", FLORENCE_FOLDER),
            *("--base_url", server.base_url, "--model", "any"),
            *("--concurrency", "1", "--checkpoint_rows", "1"),
        ]
        process = started_capenh(*words, cwd=dataset.parent)
        try:
            assert gate.reached.wait(PATIENCE_S)
            after()
            os.killpg(process.pid, how)  # as a terminal does
            output, errors = process.communicate(timeout=PATIENCE_S)
        finally:
            process.kill()
            gate.opened.set()
    return process.returncode, output, errors


def finish(dataset):
    """Run again with a server that answers; return the number of its requests and the exit code."""
    with FakeLlmServer(models=None) as server:
        done = capenh(
            *("enhance", "--dataset_dir", dataset, "--model_id", FLORENCE_FOLDER),
            *("--base_url", server.base_url, "--model", "any"),
            cwd=dataset.parent,
        )
        return len(server.requests), done


def wait_until(condition):
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def stored(dataset, table):
    files = list((dataset / ".capenh" / table).rglob("part-*.parquet"))
    return pl.read_parquet(files).height if files else 0


def assert_all_there(dataset):
    assert stored(dataset, "vlm_captions") == IMAGES
    assert stored(dataset, "combined_captions") == IMAGES
    assert len(list(dataset.glob("*_combined.txt"))) == IMAGES


def test_ctrl_c_keeps_what_was_finished_and_says_so(dataset):
    code, _, errors = stopped_run(dataset, signal.SIGINT)
    assert code == 130
    assert errors.splitlines()[-1] == "capenh: interrupted; everything finished so far is kept."
    assert "Traceback" not in errors
    assert stored(dataset, "vlm_captions") == IMAGES
    assert stored(dataset, "combined_captions") == FINISHED
    requests, done = finish(dataset)
    assert done.returncode == 0, done.stderr
    assert requests == IMAGES - FINISHED
    assert_all_there(dataset)


def test_after_kill_9_no_checkpointed_row_is_computed_again(dataset):
    def three_are_on_disk():
        wait_until(lambda: stored(dataset, "combined_captions") == FINISHED)

    code, _, _ = stopped_run(dataset, signal.SIGKILL, after=three_are_on_disk)
    assert code == -signal.SIGKILL
    requests, done = finish(dataset)
    assert done.returncode == 0, done.stderr
    assert requests == IMAGES - FINISHED
    assert "vlm_captions              8         0         8         0" in done.stdout
    assert_all_there(dataset)
