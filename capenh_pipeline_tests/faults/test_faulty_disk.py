"""Whatever system call of the store fails: nothing is lost, and one sentence says why."""

import pytest

from capenh_pipeline_tests.faults import faulty_command, faulty_store
from capenh_pipeline_tests.faults.faulty_disk import run_with_faulty_disk


@pytest.fixture
def folder(tmp_path):
    """Where the calls fail; what is beside it is left alone."""
    folder = tmp_path / "faulty"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("step", [24, pytest.param(1, marks=pytest.mark.soak)])
def test_no_system_call_that_fails_loses_a_row_or_more_than_its_run(tmp_path, folder, step):
    """In the soak every call fails with each of three errors, in the suite every 24th."""
    said = run_with_faulty_disk(faulty_store.__name__, folder, step, library_folder=tmp_path)
    *wrong, calls = said.splitlines()
    assert wrong == []
    assert int(calls) > 100


@pytest.mark.soak
def test_no_system_call_that_fails_ends_the_command_without_a_sentence(tmp_path, folder):
    said = run_with_faulty_disk(faulty_command.__name__, folder, 40, library_folder=tmp_path)
    *wrong, without_database, with_database = said.splitlines()
    assert wrong == []
    assert int(with_database) > int(without_database) > 100
