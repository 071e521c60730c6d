"""Whatever system call of the store fails: nothing is lost, and one sentence says why."""

import pytest

from capenh_pipeline_tests.faults import faulty_store
from capenh_pipeline_tests.faults.faulty_disk import run_with_faulty_disk


@pytest.mark.parametrize("step", [16, pytest.param(1, marks=pytest.mark.soak)])
def test_no_system_call_that_fails_loses_a_row_or_more_than_its_run(tmp_path, step):
    """In the soak every call fails with each of three errors, in the suite every 16th."""
    work = tmp_path / "work"
    work.mkdir()
    said = run_with_faulty_disk(faulty_store.__name__, work, step, folder=tmp_path)
    *wrong, calls = said.splitlines()
    assert wrong == []
    assert int(calls) > 100
