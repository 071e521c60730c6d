"""The command with a served VLM: the whole way, without torch, and safe to stop."""

import os
import re
import signal
import subprocess
import sys

import polars as pl
import pytest

from capenh_pipeline_tests.command import capenh, started_capenh
from capenh_pipeline_tests.fakes.gate import Gate
from capenh_pipeline_tests.fakes.llm_server import FakeLlmServer, Response, error_body
from capenh_pipeline_tests.fakes.vlm_server import COLOURS, see
from capenh_pipeline_tests.images import colour
from capenh_pipeline_tests.processes import PATIENCE_S

LLM_KEY, VLM_KEY = "sk-llm-0123456789abcdef", "sk-vlm-0123456789abcdef"

ENHANCE = """
import sys
from capenh_pipeline.cli import main
code = main(sys.argv[1:])
print("loaded:", *[name for name in ("torch", "transformers") if name in sys.modules])
sys.exit(code)
"""


@pytest.fixture
def dataset(tmp_path):
    folder = tmp_path / "images"
    for name, rgb in COLOURS.items():
        colour(folder / f"{name}.png", rgb)
    (folder / "red.txt").write_text("sks ball")
    return folder


def enhance(dataset, *words, **variables):
    return subprocess.run(  # noqa: S603  # our own interpreter
        [sys.executable, "-c", ENHANCE, "enhance", "--dataset_dir", str(dataset), *words],
        cwd=dataset.parent,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def stored(dataset):
    files = list((dataset / ".capenh" / "vlm_captions").rglob("part-*.parquet"))
    return pl.read_parquet(files) if files else pl.DataFrame()


@pytest.mark.slow
def test_the_whole_way_from_two_vlm_servers_to_files_loads_no_model(dataset):
    with (
        FakeLlmServer(see, models=["vlm"]) as one,
        FakeLlmServer(see, models=["vlm"]) as two,
        FakeLlmServer() as llm,
    ):
        words = [
            *("--vlm_base_url", one.base_url, "--vlm-base-url", two.base_url),
            *("--prompt", "A ball, in", "--base_url", llm.base_url),
        ]
        done = enhance(dataset, *words)
        assert done.returncode == 0, done.stderr
        assert done.stdout.endswith("loaded:\n")
        assert len(one.requests) + len(two.requests) == len(COLOURS)
        assert one.requests
        assert two.requests

        asked = len(llm.requests)
        again = enhance(dataset, *words)
        assert again.returncode == 0, again.stderr
        assert "Nothing to do" in again.stdout
        assert len(one.requests) + len(two.requests) == len(COLOURS)
        assert len(llm.requests) == asked
    assert (dataset / "red_combined.txt").read_text() == "sks ball, A ball, in red\n"
    assert (dataset / "blue_combined.txt").read_text() == "A ball, in blue\n"


@pytest.mark.slow
def test_ctrl_c_keeps_what_was_answered_and_the_next_run_asks_for_the_rest(dataset):
    gate = Gate(3, reply=see)
    with FakeLlmServer(gate) as server, FakeLlmServer() as llm:
        words = [
            *("enhance", "--dataset_dir", dataset, "--model_id", "fake-llm"),
            *("--base_url", llm.base_url, "--prompt", "see", "--concurrency", "1"),
        ]
        process = started_capenh(*words, "--vlm_base_url", server.base_url, cwd=dataset.parent)
        try:
            assert gate.reached.wait(PATIENCE_S)
            os.killpg(process.pid, signal.SIGINT)
            _, errors = process.communicate(timeout=PATIENCE_S)
        finally:
            process.kill()
            gate.opened.set()
        assert process.returncode == 130
        assert errors.splitlines()[-1] == "capenh: interrupted; everything finished so far is kept."
        assert stored(dataset).height == 3
        with FakeLlmServer(see) as elsewhere:
            words += ["--vlm_base_url", elsewhere.base_url]
            done = capenh(*words, cwd=dataset.parent)
            assert done.returncode == 0, done.stderr
            assert len(elsewhere.requests) == len(COLOURS) - 3
    assert stored(dataset).height == len(COLOURS)


@pytest.mark.slow
def test_a_server_that_is_not_there_is_one_sentence(dataset):
    with FakeLlmServer() as server, FakeLlmServer() as llm:
        url = server.base_url
        server.__exit__(None, None, None)
        done = enhance(
            dataset, "--vlm_base_url", url, "--model_id", "x", "--base_url", llm.base_url
        )
        server.__enter__()
    assert done.returncode == 2
    last = done.stderr.splitlines()[-1]
    assert re.fullmatch(rf"capenh: .*No VLM server answers at {url} \(.*\): start it or .*", last)
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_each_key_goes_to_its_own_server_and_none_is_left_anywhere(dataset):
    """The VLM server repeats its key, in errors and in captions."""
    words = f"Incorrect API key provided: {VLM_KEY}."
    answers = iter([Response(status=400, body=error_body(words)), f"A ball. {words}"])

    def indiscreet(payload):
        return next(answers, None) or see(payload)

    with FakeLlmServer(indiscreet) as vlm, FakeLlmServer() as llm:
        done = enhance(
            dataset,
            *("--vlm_base_url", vlm.base_url, "--base_url", llm.base_url, "--prompt", "see"),
            OPENAI_API_KEY=LLM_KEY,
            CAPENH_VLM_API_KEY=VLM_KEY,
        )
        assert done.returncode == 1, done.stderr
        keys = [{request.headers["authorization"] for request in s.requests} for s in (vlm, llm)]
    assert keys == [{f"Bearer {VLM_KEY}"}, {f"Bearer {LLM_KEY}"}]
    assert "***" in str(stored(dataset)["error"].to_list())
    for key in (LLM_KEY, VLM_KEY):
        assert key not in done.stdout + done.stderr
        left = [path for path in dataset.parent.rglob("*") if path.is_file()]
        assert [path for path in left if key.encode() in path.read_bytes()] == []
