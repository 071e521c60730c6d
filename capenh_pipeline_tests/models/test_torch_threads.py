import os
import subprocess
import sys

import pytest

from capenh_pipeline.models.torch_threads import (
    choose_lanes,
    torch_cores,
    usable_cores,
)


@pytest.fixture
def torch():
    import torch

    before = torch.get_num_threads()
    yield torch
    torch.set_num_threads(before)


class Machine:
    """Runs batches whose time depends on torch's threads, on a clock that only they move.

    Batches side by side take no longer than one.
    """

    def __init__(self, torch, seconds: dict[int, float]) -> None:
        self.torch = torch
        self.seconds = seconds
        self.now = 0.0
        self.runs = []

    def work(self, batches: int) -> None:
        threads = self.torch.get_num_threads()
        self.runs.append((batches, threads))
        self.now += self.seconds[threads]

    def choose(self, *, cores: int) -> int:
        return choose_lanes(self.work, cores=cores, clock=lambda: self.now)


def test_all_cores_share_a_batch_where_that_is_clearly_faster(torch):
    assert Machine(torch, {1: 1.0, 4: 0.2}).choose(cores=4) == 1
    assert torch.get_num_threads() == 4


@pytest.mark.parametrize("slow", [0.45, 0.5, 35.0])
def test_every_core_has_its_own_batch_where_sharing_brings_little_or_costs(torch, slow):
    assert Machine(torch, {1: 1.0, 2: slow}).choose(cores=2) == 2
    assert torch.get_num_threads() == 1


def test_threads_that_are_hopelessly_slow_are_tried_once(torch):
    machine = Machine(torch, {1: 1.0, 2: 35.0})
    machine.choose(cores=2)
    assert machine.runs.count((1, 2)) == 1


def test_with_one_core_nothing_is_measured(torch):
    machine = Machine(torch, {1: 1.0})
    assert machine.choose(cores=1) == 1
    assert machine.runs == []


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="only Linux pins a process")
def test_only_the_cores_of_this_process_count():
    code = (
        "import os\n"
        "os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
        "from capenh_pipeline.models.torch_threads import usable_cores\n"
        "print(usable_cores())"
    )
    result = subprocess.run(  # noqa: S603  # this very interpreter
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "1"


@pytest.mark.parametrize(
    ("quota", "cores"), [("50000 100000", 1), ("100000 100000", 1), ("max 100000", None)]
)
def test_the_quota_of_a_container_counts(tmp_path, quota, cores):
    file = tmp_path / "cpu.max"
    file.write_text(quota)
    without = usable_cores(quota_file=tmp_path / "none")
    assert usable_cores(quota_file=file) == (cores or without)


def test_a_users_own_limit_holds_for_torch(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert torch_cores() == 1
    monkeypatch.setenv("OMP_NUM_THREADS", "10000")
    assert torch_cores() == usable_cores()
