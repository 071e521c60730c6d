"""A store in object storage, through the real command."""

import subprocess
import time

import pytest

from capenh_pipeline.defs.resources import dataset_folder
from capenh_pipeline.demo.checkpoints import FLORENCE_FOLDER
from capenh_pipeline.domain.options import Options
from capenh_pipeline.domain.schemas import COMBINED_CAPTIONS
from capenh_pipeline.errors import ConfigurationError
from capenh_pipeline.tables.lease import LEASE
from capenh_pipeline.tables.store import Store
from capenh_pipeline_tests.command import capenh, command
from capenh_pipeline_tests.fakes.llm_server import FakeLlmServer
from capenh_pipeline_tests.images import draw
from capenh_pipeline_tests.object_storage.servers import ACCESS_KEY, SECRET_KEY


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder whose `.env` names a dataset, the demo's VLM and a server."""
    draw(tmp_path / "images" / "a.png", 1)
    draw(tmp_path / "images" / "b.png", 2)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    with FakeLlmServer(models=None) as server:
        (tmp_path / ".env").write_text(
            f"CAPENH_DATASET_DIR={tmp_path / 'images'}\nCAPENH_MODEL_ID={FLORENCE_FOLDER}\n"
            f"CAPENH_BASE_URL={server.base_url}\nCAPENH_MODEL=any\n"
        )
        yield tmp_path


@pytest.mark.slow
def test_a_run_keeps_its_rows_in_a_bucket_and_the_next_one_finds_them(project, s3_folder):
    done = capenh("enhance", f"--store={s3_folder}", cwd=project)
    assert done.returncode == 0, done.stderr
    assert f"Store: {s3_folder}" in done.stdout
    assert (project / "images" / "a_combined.txt").exists()
    assert Store.existing(s3_folder).table(COMBINED_CAPTIONS).read().height == 2
    assert not (project / "images" / ".capenh").exists()
    (home,) = (project / "state" / "capenh").iterdir()
    assert (home / "dagster_home").is_dir()

    again = capenh("enhance", f"--store={s3_folder}", cwd=project)
    assert "Nothing to do" in again.stdout
    checked = capenh("store", "check", f"--store={s3_folder}", "--deep", cwd=project)
    assert "Nothing is wrong." in checked.stdout, checked.stderr
    reported = capenh("report", f"--store={s3_folder}", cwd=project)
    assert f"Report: {home}/report.html" in reported.stdout, reported.stderr
    output = "".join(one.stdout + one.stderr for one in (done, again, checked, reported))
    assert not any(key in output for key in (ACCESS_KEY, SECRET_KEY))


@pytest.mark.slow
def test_a_command_is_kept_out_while_another_is_at_work_and_let_in_when_that_is_killed(
    project, s3_folder
):
    words = command("enhance", f"--store={s3_folder}")
    with subprocess.Popen(words, cwd=project, stderr=subprocess.DEVNULL) as first:  # noqa: S603
        while not (s3_folder / LEASE).exists():
            assert first.poll() is None
            time.sleep(0.05)
        second = capenh("enhance", f"--store={s3_folder}", cwd=project)
        first.kill()
    assert second.returncode == 2
    assert (
        f"Another run is at work on the store {s3_folder}: process {first.pid} on" in second.stderr
    )
    (s3_folder / LEASE).unlink()  # as if its time were over
    assert capenh("enhance", f"--store={s3_folder}", cwd=project).returncode == 0


def test_times_of_folders_cannot_be_trusted_where_there_are_none():
    with pytest.raises(ConfigurationError, match="s3://b/x is in object storage, where folders"):
        dataset_folder(Options(dataset_dir="s3://b/x", trust_dir_mtime=True))
