"""One command at a time is at work on a store in object storage, as on a disk."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from capenh_pipeline.errors import StoreBusyError, StoreError
from capenh_pipeline.tables.hold import hold, is_held
from capenh_pipeline.tables.lease import LEASE, leased
from capenh_pipeline.tables.store import Store
from capenh_pipeline_tests.object_storage.folders import FOLDERS
from capenh_pipeline_tests.processes import PATIENCE_S

in_every_storage = pytest.mark.parametrize("folder", FOLDERS)


@pytest.fixture
def root(folder, request):
    return request.getfixturevalue(folder)


@in_every_storage
def test_who_comes_second_is_told_who_is_at_work(root):
    assert not is_held(root)
    with hold(root):
        assert is_held(root)
        with (
            pytest.raises(StoreBusyError, match=r": process \d+ on .+, since .+; wait until"),
            hold(root),
        ):
            pass
    assert not is_held(root)
    assert [*root.iterdir()] == []
    with hold(root):
        pass


@in_every_storage
def test_a_killed_process_lets_go_after_a_while(root):
    """One that does not renew its lease is as good as killed; it does not take that of its heir."""
    with leased(root, renew_s=1000):
        time.sleep(2.1)  # times of a server are whole seconds
        with leased(root, expires_s=1):
            pass
        with leased(root):
            pass
        with leased(root, expires_s=1000):
            heir = (root / LEASE).read_bytes()
            with pytest.raises(StoreBusyError):
                leased(root, expires_s=1000).__enter__()
            assert (root / LEASE).read_bytes() == heir


@pytest.mark.slow
@in_every_storage
def test_a_living_process_keeps_its_lease(root):
    with leased(root, renew_s=0.2):
        time.sleep(2.1)
        with pytest.raises(StoreBusyError, match="if it was killed, 1 s at most"):
            leased(root, expires_s=1).__enter__()


@pytest.mark.slow
@in_every_storage
def test_who_lost_its_lease_is_told_and_leaves_that_of_the_other(root, caplog):
    with ExitStack() as other:
        with leased(root, renew_s=6):
            time.sleep(3.1)
            other.enter_context(leased(root, expires_s=1))
            taken = (root / LEASE).read_bytes()
            while "Another process has taken the lease" not in caplog.text:
                time.sleep(0.1)
        assert (root / LEASE).read_bytes() == taken


@in_every_storage
def test_of_many_that_come_at_once_one_holds_the_store(root):
    def hold_a_moment(_: int) -> bool:
        try:
            with leased(root):
                barrier.wait(PATIENCE_S)
        except StoreBusyError:
            barrier.wait(PATIENCE_S)
            return False
        return True

    barrier = threading.Barrier(8)
    with ThreadPoolExecutor(8) as pool:
        assert [*pool.map(hold_a_moment, range(8))].count(True) == 1


def test_a_server_without_conditional_writes_is_refused(careless_folder):
    """It takes the request and ignores the condition: two writers would both have won."""
    for use in (
        lambda: Store.open(careless_folder, shard_digits=1),
        hold(careless_folder).__enter__,
    ):
        with pytest.raises(StoreError, match="ignores the conditions of conditional writes"):
            use()
    assert [*careless_folder.iterdir()] == []
