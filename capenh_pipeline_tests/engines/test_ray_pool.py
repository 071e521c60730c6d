"""Workers on a Ray cluster whose nodes come and go."""

import re
import time
from contextlib import closing
from itertools import count

import pytest

from capenh_pipeline.engines.dispatch import Dispatcher
from capenh_pipeline.engines.ray_cluster import (
    ANSWERS_S,
    CONNECTS_S,
    RayCluster,
    Share,
    most_on_a_node,
    share_of,
)
from capenh_pipeline.errors import ConfigurationError
from capenh_pipeline_tests.engines.conftest import ray_pool
from capenh_pipeline_tests.engines.test_engines import all_squares
from capenh_pipeline_tests.fakes.squares import Numbers, Squares, noted
from capenh_pipeline_tests.processes import PATIENCE_S


@pytest.mark.slow
def test_a_node_that_leaves_costs_no_job_and_one_that_joins_works(ray_cluster, tmp_path):
    make = Squares(tmp_path, job_s=0.1)
    leaving = ray_cluster.add_node(num_cpus=2)
    found, left_at, joining, waited = {}, None, None, time.monotonic() + PATIENCE_S

    def until_both_have_happened():
        for number in count():
            if len(noted(tmp_path / "starts")) >= 6:
                return
            assert time.monotonic() < waited
            yield Numbers((2 * number, 2 * number + 1))

    with closing(Dispatcher(ray_pool(make, workers=4))) as engine:
        assert engine.facts
        for result in engine.run(until_both_have_happened()):
            assert not found.keys() & result.keys()
            found |= result
            if left_at is None and len(noted(tmp_path / "starts")) == 4:
                ray_cluster.remove_node(leaving, allow_graceful=False)
                left_at = len(found)
            if left_at is not None and joining is None and len(found) >= left_at + 80:
                joining = ray_cluster.add_node(num_cpus=2)
    ray_cluster.remove_node(joining)
    assert found == all_squares(range(len(found)))[0]
    assert len(noted(tmp_path / "done")) - len(found) <= 2 * engine.room * 2


def test_workers_share_the_cores_of_their_nodes():
    cores = {"CPU": 8.0}
    gpus = {"CPU": 16.0, "GPU": 4.0}
    offers_nothing = {"memory": 1e9}
    nodes = [gpus, {"CPU": 64.0, "GPU": 8.0}, offers_nothing]
    assert share_of(nodes, workers=12, on_gpus=True) == Share(4, 1)
    assert share_of([{"CPU": 2.0, "GPU": 4.0}], workers=4, on_gpus=True) == Share(1, 1)
    assert share_of([cores, cores], workers=2, on_gpus=False) == Share(8, 0)
    assert share_of([cores, cores], workers=3, on_gpus=False) == Share(4, 0)
    assert share_of([cores], workers=20, on_gpus=False) == Share(1, 0)
    assert most_on_a_node([gpus, {"CPU": 64.0, "GPU": 8.0}], Share(4, 1)) == 8
    assert most_on_a_node([cores, {"CPU": 2.0}, offers_nothing], Share(2, 0)) == 4


@pytest.mark.parametrize("address", ["nowhere", "host:", "127.0.0.1:9"])
def test_a_wrong_address_is_one_sentence_soon(address):
    began = time.monotonic()
    with pytest.raises(ConfigurationError, match=f"--ray_address .*{re.escape(address)}"):
        RayCluster(address)
    assert time.monotonic() - began < CONNECTS_S + ANSWERS_S  # Ray itself tries for minutes
