"""Three doors to one store: the command, `dagster asset materialize`, and a job in the UI."""

import hashlib
import os
import subprocess
import sys

import pytest

from capenh_pipeline.demo.checkpoints import FLORENCE_FOLDER
from capenh_pipeline_tests.command import capenh
from capenh_pipeline_tests.fakes.llm_server import FakeLlmServer
from capenh_pipeline_tests.images import draw


@pytest.fixture
def door(tmp_path):
    """A dataset and a server that `.env` in the working directory names, and the server."""
    caption = draw(tmp_path / "images" / "a.png", 1)
    draw(tmp_path / "images" / "b.png", 2)
    with FakeLlmServer(models=None) as server:
        (tmp_path / ".env").write_text(
            f"CAPENH_DATASET_DIR={tmp_path / 'images'}\nCAPENH_MODEL_ID={FLORENCE_FOLDER}\n"
            f"CAPENH_BASE_URL={server.base_url}\nCAPENH_MODEL=any\n"
        )
        yield tmp_path, server, caption


def materialize(cwd, partitions):
    words = ["-m", "dagster", "asset", "materialize", "--select", "*", *partitions]
    return subprocess.run(  # noqa: S603  # our own interpreter
        [sys.executable, *words, "-m", "capenh_pipeline.definitions"],
        cwd=cwd,
        env={name: value for name, value in os.environ.items() if name != "DAGSTER_HOME"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_the_command_sees_what_dagster_materialized(door):
    folder, server, caption = door
    done = materialize(folder, ["--partition-range", "0...f"])
    assert done.returncode == 0, done.stderr
    assert (folder / "images" / "a_combined.txt").read_text() == f"{caption}\n"
    assert len(server.requests) == 2
    again = capenh("enhance", cwd=folder)
    assert again.returncode == 0, again.stderr
    assert "Nothing to do" in again.stdout
    assert len(server.requests) == 2


@pytest.mark.slow
def test_dagster_sees_what_the_command_did(door):
    folder, server, _ = door
    assert capenh("enhance", cwd=folder).returncode == 0
    (folder / "images" / "a_combined.txt").unlink()
    done = materialize(folder, ["--partition-range", "0...f"])
    assert done.returncode == 0, done.stderr
    assert (folder / "images" / "a_combined.txt").exists()
    assert len(server.requests) == 2


@pytest.mark.slow
def test_one_partition_captions_its_own_images_alone(door):
    folder, server, _ = door
    shard = hashlib.sha256((folder / "images" / "b.png").read_bytes()).hexdigest()[0]
    done = materialize(folder, ["--partition", shard])
    assert done.returncode == 0, done.stderr
    assert [path.name for path in (folder / "images").glob("*_combined.txt")] == ["b_combined.txt"]
    assert len(server.requests) == 1


def test_without_a_dataset_the_definitions_load_and_a_run_names_the_option(tmp_path):
    done = materialize(tmp_path, ["--partition-range", "0...f"])
    assert done.returncode != 0
    assert "CAPENH_DATASET_DIR" in done.stdout + done.stderr
