"""The job of `examples/ci`, run as a CI runs it: on a fresh checkout, with nothing else kept."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from capenh_pipeline.demo.checkpoints import FLORENCE_FOLDER
from capenh_pipeline_tests.fakes.llm_server import FakeLlmServer
from capenh_pipeline_tests.images import draw

JOB = Path(__file__).parents[1] / "examples" / "ci" / "caption_new.sh"
IDENTITY = ("-c", "user.name=ci", "-c", "user.email=ci@example.invalid")

pytestmark = pytest.mark.slow


@pytest.fixture
def server():
    with FakeLlmServer(models=None) as server:
        yield server


def job(checkout, server, **variables):
    options = {
        "CAPENH_DATASET_DIR": str(checkout / "images"),
        "CAPENH_MODEL_ID": str(FLORENCE_FOLDER),
        "CAPENH_BASE_URL": server.base_url,
        "CAPENH_MODEL": "any",
        "CAPENH_LLM_PATIENCE_S": "1",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        **variables,
    }
    return subprocess.run(  # noqa: S603  # our own script
        [JOB],
        cwd=checkout,
        env={**os.environ, **options},
        capture_output=True,
        text=True,
        check=False,
    )


def git(folder, *words):
    done = subprocess.run(  # noqa: S603
        ["git", *IDENTITY, *words],  # noqa: S607
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_a_dataset_whose_store_is_checked_in_costs_its_new_images_alone(server, tmp_path):
    first = tmp_path / "first"
    for name in ("a", "b"):
        draw(first / "images" / f"{name}.png", ord(name))
    done = job(first, server)
    assert done.returncode == 0, done.stderr
    assert len(server.requests) == 2
    git(first, "init", "-q")
    git(first, "add", "-A")
    git(first, "commit", "-qm", "captioned")
    assert "dagster_home" not in git(first, "ls-files")

    second = tmp_path / "second"
    git(tmp_path, "clone", "-q", str(first), str(second))
    draw(second / "images" / "c.png", ord("c"))
    done = job(second, server)
    assert done.returncode == 0, done.stderr
    assert len(server.requests) == 3
    changed = git(second, "status", "--short", "--untracked-files=all")
    texts = [line for line in changed.splitlines() if line.endswith(".txt")]
    assert texts == ["?? images/c_combined.txt"]


def test_a_store_that_travels_as_an_archive_is_kept_whatever_becomes_of_the_run(server, tmp_path):
    archive = tmp_path / "store.tar.gz"
    checkouts = [tmp_path / name for name in ("first", "second", "third")]
    for checkout in checkouts:
        draw(checkout / "images" / "a.png", 1)
    done = job(checkouts[0], server, STORE_ARCHIVE=str(archive))
    assert done.returncode == 0, done.stderr

    (checkouts[1] / "images" / "broken.png").write_bytes(b"not an image")
    done = job(checkouts[1], server, STORE_ARCHIVE=str(archive))
    assert done.returncode == 1, done.stderr
    assert done.stdout.splitlines()[-1].startswith("broken.png\t")
    assert (checkouts[1] / "images" / "a_combined.txt").exists()
    assert len(server.requests) == 1

    draw(checkouts[2] / "images" / "new.png", 2)
    nobody = f"http://127.0.0.1:{_closed_port()}/v1"
    done = job(checkouts[2], server, STORE_ARCHIVE=str(archive), CAPENH_BASE_URL=nobody)
    assert done.returncode == 2, done.stderr
    shutil.unpack_archive(archive, tmp_path / "kept", filter="data")
    assert [*(tmp_path / "kept" / "combined_captions").rglob("part-*.parquet")]


def _closed_port():
    with FakeLlmServer() as gone:
        return int(gone.base_url.split(":")[-1].split("/")[0])
