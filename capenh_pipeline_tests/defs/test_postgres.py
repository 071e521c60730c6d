"""An instance that keeps its records in PostgreSQL, as the README sets it up."""

import re
from pathlib import Path

import dagster as dg
import pytest

from capenh_pipeline.defs.instance import SETTINGS
from capenh_pipeline.demo.checkpoints import FLORENCE_FOLDER
from capenh_pipeline_tests.command import capenh
from capenh_pipeline_tests.defs.postgres import postgres, programs
from capenh_pipeline_tests.fakes.llm_server import FakeLlmServer
from capenh_pipeline_tests.images import draw

PROGRAMS = programs()
README = Path(__file__).parents[2] / "README.md"


@pytest.fixture
def home(tmp_path):
    """A DAGSTER_HOME with the settings of the project and those that the README adds."""
    added = re.search(r"```yaml\n(storage:\n.*?)```", README.read_text(), re.DOTALL)
    assert added
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "dagster.yaml").write_text(SETTINGS.read_text() + added[1])
    return tmp_path / "home"


@pytest.mark.slow
@pytest.mark.skipif(PROGRAMS is None, reason="PostgreSQL is not installed")
def test_runs_are_recorded_in_postgresql_and_its_absence_is_one_sentence(
    home, tmp_path, monkeypatch
):
    draw(tmp_path / "images" / "a.png", 1)
    words = ("enhance", "--dataset_dir", tmp_path / "images", "--model_id", FLORENCE_FOLDER)
    with postgres(PROGRAMS) as server, FakeLlmServer(models=None) as llm:
        words += ("--base_url", llm.base_url, "--model", "any")
        variables = {"DAGSTER_HOME": str(home), "DAGSTER_PG_URL": server.url}
        first = capenh(*words, cwd=tmp_path, **variables)
        assert first.returncode == 0, first.stderr
        again = capenh(*words, cwd=tmp_path, **variables)
        assert "Nothing to do" in again.stdout, again.stderr
        monkeypatch.setenv("DAGSTER_PG_URL", server.url)
        with dg.DagsterInstance.from_config(str(home)) as instance:
            assert [run.status.value for run in instance.get_runs()] == ["SUCCESS", "SUCCESS"]
            key = dg.AssetKey("caption_files")
            assert instance.get_latest_materialization_event(key) is not None
        assert [*home.rglob("*.db")] == []
        server.stop()
        refused = capenh(*words, cwd=tmp_path, **variables)
    assert refused.returncode == 2
    # dagster-postgres says five times on its own that it tries again; the sentence comes last.
    told = refused.stderr.splitlines()[-1]
    assert told.startswith(f"capenh: Dagster cannot keep its records at {home}:")
    assert "Traceback" not in refused.stderr
    assert len([*(tmp_path / "images").glob("*_combined.txt")]) == 1
