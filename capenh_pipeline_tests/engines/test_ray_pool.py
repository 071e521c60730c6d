"""Workers on a Ray cluster whose nodes come and go."""

import re
import time
from contextlib import closing

import pytest

from capenh_pipeline.engines.dispatch import Dispatcher
from capenh_pipeline.engines.ray_cluster import RayCluster, Share, most_on_a_node, share_of
from capenh_pipeline.errors import ConfigurationError
from capenh_pipeline_tests.engines.conftest import ray_pool
from capenh_pipeline_tests.engines.test_engines import all_squares, jobs
from capenh_pipeline_tests.fakes.squares import Squares, noted


@pytest.mark.slow
def test_a_node_that_leaves_costs_no_job_and_one_that_joins_works(ray_cluster, tmp_path):
    make = Squares(tmp_path, job_s=0.1)
    leaving = ray_cluster.add_node(num_cpus=2)
    found, left_at, joining = {}, None, None
    with closing(Dispatcher(ray_pool(make, workers=4))) as engine:
        assert engine.facts
        for count, result in enumerate(engine.run(jobs(range(400), size=2))):
            assert not found.keys() & result.keys()
            found |= result
            if left_at is None and len(noted(tmp_path / "starts")) == 4:
                ray_cluster.remove_node(leaving, allow_graceful=False)
                left_at = count
            if left_at is not None and count == left_at + 40:
                joining = ray_cluster.add_node(num_cpus=2)
    ray_cluster.remove_node(joining)
    assert found == all_squares(range(400))[0]
    assert len(noted(tmp_path / "starts")) == 6
    assert len(noted(tmp_path / "done")) - 400 <= 2 * engine.room * 2


def test_workers_share_the_cores_of_their_nodes():
    cores = {"CPU": 8.0}
    gpus = {"CPU": 16.0, "GPU": 4.0}
    assert share_of([gpus, {"CPU": 64.0, "GPU": 8.0}], workers=12, on_gpus=True) == Share(4, 1)
    assert share_of([{"CPU": 2.0, "GPU": 4.0}], workers=4, on_gpus=True) == Share(1, 1)
    assert share_of([cores, cores], workers=2, on_gpus=False) == Share(8, 0)
    assert share_of([cores, cores], workers=3, on_gpus=False) == Share(4, 0)
    assert share_of([cores], workers=20, on_gpus=False) == Share(1, 0)
    assert most_on_a_node([gpus, {"CPU": 64.0, "GPU": 8.0}], Share(4, 1)) == 8
    assert most_on_a_node([cores, {"CPU": 2.0}], Share(2, 0)) == 4


@pytest.mark.parametrize("address", ["nowhere", "host:", "127.0.0.1:9"])
def test_a_wrong_address_is_one_sentence_soon(address):
    began = time.monotonic()
    with pytest.raises(ConfigurationError, match=f"--ray_address .*{re.escape(address)}"):
        RayCluster(address)
    assert time.monotonic() - began < 5
