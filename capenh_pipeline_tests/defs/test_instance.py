"""The Dagster instance of the commands."""

import hashlib
import os
import subprocess
import sys

import pytest

from capenh_pipeline.defs.instance import dagster_home, open_instance
from capenh_pipeline.errors import StoreError

_OPEN = """
import sys
from pathlib import Path
from capenh_pipeline.defs.instance import dagster_home, open_instance
with open_instance(dagster_home(Path(sys.argv[1]), {})) as instance:
    instance.get_runs_count()
"""


def test_it_lies_in_the_store_with_the_projects_settings(tmp_path):
    home = dagster_home(tmp_path, {})
    assert home == tmp_path / "dagster_home"
    assert "capenh_pipeline" in (home / "dagster.yaml").read_text()


def test_settings_of_an_earlier_version_are_brought_up_to_date(tmp_path):
    settings = dagster_home(tmp_path, {}) / "dagster.yaml"
    ours, earlier = settings.read_bytes(), b"telemetry: {enabled: false}\n"
    settings.write_bytes(earlier)
    (settings.parent / ".dagster.yaml.sha256").write_text(hashlib.sha256(earlier).hexdigest())
    for _ in range(2):
        dagster_home(tmp_path, {})
        assert settings.read_bytes() == ours
    settings.write_bytes(earlier)
    dagster_home(tmp_path, {})
    assert settings.read_bytes() == earlier, "somebody has written that"


def test_settings_that_people_have_changed_stay(tmp_path):
    settings = dagster_home(tmp_path, {}) / "dagster.yaml"
    settings.write_bytes(settings.read_bytes() + b"# mine\n")
    dagster_home(tmp_path, {})
    assert settings.read_bytes().endswith(b"# mine\n")


def test_a_dagster_home_of_the_users_is_used_as_it_is(tmp_path):
    chosen = tmp_path / "mine"
    chosen.mkdir()
    (chosen / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    assert dagster_home(tmp_path, {"DAGSTER_HOME": str(chosen)}) == chosen
    assert (chosen / "dagster.yaml").read_text() == "telemetry: {enabled: false}\n"
    assert len([*chosen.iterdir()]) == 1


def test_two_processes_can_create_it_at_once(tmp_path):
    processes = [
        subprocess.Popen(  # noqa: S603  # our own interpreter
            [sys.executable, "-c", _OPEN, str(tmp_path)], stderr=subprocess.PIPE, env=os.environ
        )
        for _ in range(2)
    ]
    for process in processes:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
    with open_instance(dagster_home(tmp_path, {})) as instance:
        assert instance.get_runs_count() == 0


def test_a_database_that_cannot_be_used_any_more_is_one_sentence(tmp_path):
    home = dagster_home(tmp_path, {})

    def use_it():
        with open_instance(home) as instance:
            (home / "history" / "runs.db").write_bytes(b"not a database" * 100)
            instance.get_runs_count()

    with pytest.raises(StoreError) as told:
        use_it()
    assert str(told.value) == (
        f"Dagster cannot keep its records at {home}: file is not a database; free some space, "
        "allow writing there, or set DAGSTER_HOME to another folder."
    )
