"""A run that is stopped at a moment that the test chooses: nothing finished is lost."""

import os
import signal
import socket
from contextlib import contextmanager

import polars as pl
import pytest

from capenh_pipeline.defs.instance import open_instance
from capenh_pipeline.demo.checkpoints import FLORENCE_FOLDER, MERGE_LLM_FOLDER
from capenh_pipeline_tests.command import capenh, started_capenh
from capenh_pipeline_tests.fakes.gate import Gate
from capenh_pipeline_tests.fakes.llm_server import FakeLlmServer
from capenh_pipeline_tests.images import colour, draw
from capenh_pipeline_tests.processes import PATIENCE_S, processes, wait_until

IMAGES = 8
FINISHED = 3
MANY_IMAGES = 100


@pytest.fixture
def dataset(tmp_path):
    folder = tmp_path / "images"
    for number in range(IMAGES):
        draw(folder / f"{number}.png", number)
    return folder


def stopped_run(dataset, how, *, after=lambda: None):
    """Start a run and stop it while its fourth request is in flight, once `after` returns."""
    gate = Gate(FINISHED)
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


@contextmanager
def killed_at_last(process):
    try:
        yield
    finally:
        process.kill()
        process.communicate()


def local_servers_of(parent):
    return [
        process.pid
        for process in processes()
        if process.parent == parent and "local_server_script" in process.command
    ]


def stored(dataset, table):
    files = list((dataset / ".capenh" / table).rglob("part-*.parquet"))
    return pl.read_parquet(files).height if files else 0


def assert_all_there(dataset):
    assert stored(dataset, "vlm_captions") == IMAGES
    assert stored(dataset, "combined_captions") == IMAGES
    assert len(list(dataset.glob("*_combined.txt"))) == IMAGES


def assert_says_what_is_kept(code, errors):
    assert code == 130
    assert errors.splitlines()[-1] == "capenh: interrupted; everything finished so far is kept."
    assert "Traceback" not in errors


@pytest.mark.slow
def test_ctrl_c_keeps_what_was_finished_and_says_so(dataset):
    code, _, errors = stopped_run(dataset, signal.SIGINT)
    assert_says_what_is_kept(code, errors)
    assert stored(dataset, "vlm_captions") == IMAGES
    assert stored(dataset, "combined_captions") == FINISHED
    requests, done = finish(dataset)
    assert done.returncode == 0, done.stderr
    assert requests == IMAGES - FINISHED
    assert_all_there(dataset)


@pytest.mark.slow
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
    with open_instance(dataset / ".capenh" / "dagster_home") as instance:
        ends = [run.status.value for run in instance.get_runs()]
    assert ends == ["SUCCESS", "FAILURE"]  # none is "started" for ever


def test_sigterm_before_there_is_a_run_ends_the_command_in_the_same_way(dataset, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as silent_hub:
        silent_hub.settimeout(PATIENCE_S)
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{silent_hub.getsockname()[1]}")
        monkeypatch.setenv("HF_HUB_OFFLINE", "0")
        words = ["enhance", "--dataset_dir", dataset, "--model_id", "org/vlm"]
        process = started_capenh(*words, cwd=dataset.parent)
        with killed_at_last(process):
            connection, _ = silent_hub.accept()
            process.send_signal(signal.SIGTERM)
            _, errors = process.communicate(timeout=PATIENCE_S)
            connection.close()
    assert_says_what_is_kept(process.returncode, errors)


@pytest.mark.slow
def test_sigterm_in_the_midst_of_the_vlm_keeps_its_captions(tmp_path):
    dataset = tmp_path / "images"
    for number in range(MANY_IMAGES):
        colour(dataset / f"{number}.png", (number, 0, 0))
    process = started_capenh(
        *("enhance", "--dataset_dir", dataset, "--model_id", FLORENCE_FOLDER),
        *("--model", MERGE_LLM_FOLDER, "--batch_size", "1", "--checkpoint_rows", "1"),
        cwd=tmp_path,
    )
    with killed_at_last(process):
        wait_until(lambda: stored(dataset, "vlm_captions") > 0)
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=PATIENCE_S)
    assert_says_what_is_kept(process.returncode, errors)
    assert 0 < stored(dataset, "vlm_captions") < MANY_IMAGES


@pytest.mark.slow
def test_sigterm_stops_the_local_llm_server_too(dataset):
    process = started_capenh(
        *("enhance", "--dataset_dir", dataset, "--model_id", FLORENCE_FOLDER),
        *("--model", MERGE_LLM_FOLDER),
        cwd=dataset.parent,
    )
    with killed_at_last(process):
        wait_until(lambda: local_servers_of(process.pid))
        (server,) = local_servers_of(process.pid)
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=PATIENCE_S)
    assert_says_what_is_kept(process.returncode, errors)
    assert server not in [process.pid for process in processes()]
    assert stored(dataset, "vlm_captions") == IMAGES
