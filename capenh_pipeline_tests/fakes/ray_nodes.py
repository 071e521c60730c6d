"""A Ray cluster of several nodes on this machine, real but for the network between them."""

import warnings
from typing import Any

import pytest


@pytest.fixture(scope="session")
def ray_cluster():
    """A cluster that this process is connected to; its head has two cores and two nominal GPUs."""
    cluster: Any = None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Ray's own, which are no fault of ours
        ray = pytest.importorskip("ray")
        from ray.cluster_utils import Cluster

        cluster = Cluster(
            initialize_head=True,
            head_node_args={"num_cpus": 2, "num_gpus": 2, "include_dashboard": False},
        )
        ray.init(address=cluster.address, log_to_driver=False)
        yield cluster
        ray.shutdown()
        cluster.shutdown()
