"""Models of the hub, through the real command: their commit decides what is computed."""

import json
import os
import subprocess
import sys
from contextlib import contextmanager

import polars as pl
import pytest

from capenh_pipeline.demo.checkpoints import FLORENCE_FOLDER, MERGE_LLM_FOLDER
from capenh_pipeline_tests.fakes.hub import FakeHub, files_of
from capenh_pipeline_tests.images import draw

IMAGES = 3
RUNS = """
import json, sys
from capenh_pipeline.cli import main
for line in sys.stdin:
    print("exit code", main(json.loads(line)), flush=True)
"""


@contextmanager
def runs_of(folder, **environment):
    """Yield a function that runs `capenh WORDS` in `folder` once more and returns its output.

    It is one process, which imports torch once, and it is online.
    """
    online = {"HF_HUB_OFFLINE": "0", "HF_HOME": str(folder / "cache"), **environment}
    with subprocess.Popen(  # noqa: S603  # our own interpreter
        [sys.executable, "-c", RUNS],
        cwd=folder,
        env={**os.environ, **online},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:

        def run(*words):
            process.stdin.write(json.dumps(words) + "\n")
            process.stdin.flush()
            lines = []
            for line in process.stdout:
                lines.append(line)
                if line.startswith("exit code"):
                    break
            return "".join(lines)

        yield run


def stored(folder, table, column):
    """Return how many rows of a table have which value of a column."""
    parts = [*(folder / "images" / ".capenh" / table).rglob("part-*.parquet")]
    return dict(pl.read_parquet(parts)[column].value_counts().iter_rows())


@pytest.fixture
def folder(tmp_path):
    for number in range(IMAGES):
        draw(tmp_path / "images" / f"{number}.png", number)
    return tmp_path


@pytest.mark.slow
def test_a_new_commit_has_the_images_captioned_again_and_the_same_one_nothing(folder):
    words = ["enhance", "--dataset_dir", "images", "--model_id", "org/vlm", "--model", "org/llm"]
    with FakeHub() as hub, runs_of(folder, HF_ENDPOINT=hub.endpoint) as run:
        old = hub.push("org/vlm", files_of(FLORENCE_FOLDER))
        llm = hub.push("org/llm", files_of(MERGE_LLM_FOLDER))
        output = run(*words)
        assert output.endswith("exit code 0\n"), output
        assert stored(folder, "vlm_captions", "revision") == {old: IMAGES}
        assert stored(folder, "combined_captions", "model") == {f"org/llm@{llm}": IMAGES}

        hub.requests.clear()
        assert "Nothing to do" in run(*words)
        asked_once_each = [f"HEAD /org/{name}/resolve/main/config.json" for name in ("vlm", "llm")]
        assert hub.requests == asked_once_each

        new = hub.push("org/vlm", {**files_of(FLORENCE_FOLDER), "README.md": b"new"})
        output = run(*words)
        assert output.endswith("exit code 0\n"), output
        assert stored(folder, "vlm_captions", "revision") == {old: IMAGES, new: IMAGES}
        assert stored(folder, "combined_captions", "model") == {f"org/llm@{llm}": IMAGES}

        hub.close()
        output = run(*words, "--max_new_tokens", "100")  # the model is loaded again
        assert output.endswith("exit code 0\n"), output
        assert stored(folder, "vlm_captions", "revision") == {old: IMAGES, new: 2 * IMAGES}


@pytest.mark.slow
def test_a_model_that_cannot_be_had_stops_the_run_with_one_sentence(folder):
    words = ["enhance", "--dataset_dir", "images", "--model", str(MERGE_LLM_FOLDER)]
    with FakeHub() as hub, runs_of(folder, HF_ENDPOINT=hub.endpoint) as run:
        unknown, code = run(*words, "--model_id", "org/none").splitlines()
        assert unknown.startswith("capenh: org/none is neither a folder here nor a model")
        assert code == "exit code 2"

        hub.close()
        *_, sentence, code = run(*words, "--model_id", "org/vlm").splitlines()
        assert sentence.startswith(
            "capenh: org/vlm is not on this machine and the Hugging Face hub"
        )
        assert code == "exit code 2"
