"""The API key is found nowhere afterwards, whatever a server does with it."""

import os
import subprocess
import sys
from itertools import cycle

import pytest

from capenh_pipeline.demo.checkpoints import FLORENCE_FOLDER
from capenh_pipeline_tests.command import capenh
from capenh_pipeline_tests.fakes.llm_server import FakeLlmServer, Response, error_body
from capenh_pipeline_tests.images import draw

KEY = "sk-canary-0123456789abcdef"
WORDS = f"Incorrect API key provided: {KEY}."

INDISCREET = [
    Response(status=400, body=error_body(WORDS)),
    Response(status=422, body={"detail": WORDS}),
    Response(status=413, raw=f"<h1>{WORDS}</h1>".encode(), headers={"Content-Type": "text/html"}),
    Response(f"A circle. {WORDS}"),
    Response(None, message={"refusal": WORDS}),
    Response(f"I'm sorry, {WORDS}"),
]


@pytest.fixture
def dataset(tmp_path):
    for number in range(len(INDISCREET)):
        draw(tmp_path / "images" / f"{number}.png", number)
    return tmp_path / "images"


def everything_left(folder):
    return [
        path for path in folder.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()
    ]


@pytest.mark.slow
def test_a_command_leaves_no_key_in_the_store_the_event_log_or_its_output(dataset, tmp_path):
    answers = cycle(INDISCREET)
    with FakeLlmServer(lambda payload: next(answers), models=None) as server:
        done = capenh(
            *("enhance", "--dataset_dir", dataset, "--model_id", FLORENCE_FOLDER, "--model", "any"),
            *("--base_url", server.base_url, "--llm_attempts", 1),
            cwd=tmp_path,
            OPENAI_API_KEY=KEY,
        )
        assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert done.returncode == 1  # the first three answers fail their rows
    assert "3 of them joined" in done.stdout
    assert KEY not in done.stdout + done.stderr
    assert everything_left(tmp_path) == []


@pytest.mark.slow
def test_dagster_leaves_no_key_in_its_event_log_or_compute_logs(dataset, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    refusal = Response(status=401, body=error_body(WORDS))
    with FakeLlmServer(lambda payload: refusal, models=None) as server:
        settings = {
            "CAPENH_DATASET_DIR": str(dataset),
            "CAPENH_MODEL_ID": str(FLORENCE_FOLDER),
            "CAPENH_MODEL": "any",
            "CAPENH_BASE_URL": server.base_url,
            "OPENAI_API_KEY": KEY,
            "DAGSTER_HOME": str(home),
        }
        words = ["asset", "materialize", "--select", "*", "--partition-range", "0...f"]
        done = subprocess.run(  # noqa: S603  # our own command
            [sys.executable, "-m", "dagster", *words, "-m", "capenh_pipeline.definitions"],
            env={**os.environ, **settings},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert server.requests
    assert done.returncode != 0
    assert "refuses the API key" in done.stdout + done.stderr
    assert KEY not in done.stdout + done.stderr
    assert everything_left(tmp_path) == []
