"""Two runs of the whole command on one store at the same time."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import pytest

from capenh_pipeline.tables.store import Store
from capenh_pipeline_tests.faults.dataset import Dataset
from capenh_pipeline_tests.faults.plain_readers import torn_parts
from capenh_pipeline_tests.processes import PATIENCE_S

IMAGES = 24
ROUNDS = 3


@contextmanager
def as_another_host() -> Iterator[None]:
    """Let the command see no lock, as where a shared folder does not carry it."""
    Store.held = lambda _: nullcontext()
    yield


@pytest.mark.soak
@pytest.mark.parametrize("number", range(ROUNDS))
def test_of_two_commands_at_once_the_second_says_that_another_is_at_work(tmp_path, number):
    """Or it came so late that the first had ended."""
    dataset = Dataset(tmp_path / "images", images=IMAGES)
    codes = _run_twice(dataset, around=nullcontext)
    assert codes in ([0, 0], [0, 2])
    calls = dataset.calls()
    assert len(calls) == len(set(calls)) == 2 * IMAGES
    assert dataset.content() == dataset.wanted_content()


@pytest.mark.soak
@pytest.mark.parametrize("number", range(ROUNDS))
def test_two_hosts_that_see_no_lock_both_finish_and_double_no_row(tmp_path, number):
    """What both compute at the same moment is computed twice, and kept once."""
    dataset = Dataset(tmp_path / "images", images=IMAGES)
    assert _run_twice(dataset, around=as_another_host) == [0, 0], dataset.said.read_text()
    assert torn_parts(dataset.store.root) == []
    assert dataset.content() == dataset.wanted_content()
    calls = dataset.calls()
    dataset.finish()
    assert dataset.calls() == calls


def _run_twice(dataset, *, around):
    runs = [dataset.begin(around=around) for _ in range(2)]
    for run in runs:
        run.join(PATIENCE_S)
    return sorted(run.exitcode for run in runs)
