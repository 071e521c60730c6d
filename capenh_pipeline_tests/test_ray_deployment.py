"""The Ray variant of `examples/deployment`, as far as it can be tried without a cluster."""

import re
from importlib.metadata import version

import pytest
import yaml
from kubernetes_validate import validate

from capenh_pipeline.domain.options import Options, options_from_environment
from capenh_pipeline.engines.ray_cluster import AUTO
from capenh_pipeline_tests.test_deployment import (
    EXAMPLES,
    KUBERNETES,
    ROOT,
    code_location,
    documents,
    run_pod,
)


@pytest.fixture
def cluster():
    (one,) = documents("ray_cluster.yaml")
    return one


@pytest.fixture
def values():
    """Return the values of both files together, as Helm puts the second one on the first."""
    files = [EXAMPLES / "kubernetes" / name for name in ("values.yaml", "values_ray.yaml")]
    first, second = (yaml.safe_load(file.read_text()) for file in files)
    return put_on(first, second)


def put_on(below, above):
    """Maps are merged, a null takes away, and all else replaces what is below."""
    merged = {**below}
    for name, value in above.items():
        both = isinstance(value, dict) and isinstance(below.get(name), dict)
        merged[name] = put_on(below[name], value) if both else value
    return {name: value for name, value in merged.items() if value is not None}


def run_spec(values):
    return run_pod(values)["spec"]["template"]["spec"]


def groups(cluster):
    """Return the head's group, and that of the workers."""
    (workers,) = cluster["spec"]["workerGroupSpecs"]
    return cluster["spec"]["headGroupSpec"], workers


def only_container(group):
    (container,) = group["template"]["spec"]["containers"]
    return container


def image_of(values):
    image = code_location(values)["image"]
    return f"{image['repository']}:{image['tag']}"


def options_of_start(words):
    """Return what `ray start` makes of its words; it refuses those that it does not know."""
    pytest.importorskip("ray")
    from ray.scripts.scripts import start

    return start.make_context("ray start", list(words)).params


def test_a_run_has_a_ray_node_beside_it_that_offers_nothing(values, cluster):
    job = run_pod(values)
    validate(job, KUBERNETES, strict=True)
    spec = job["spec"]["template"]["spec"]
    (run,), (node,) = spec["containers"], spec["initContainers"]
    assert "nvidia.com/gpu" not in run["resources"]["limits"]
    assert node["image"] == run["image"] == image_of(values)
    assert node["restartPolicy"] == "Always"
    assert {mount["name"] for mount in node["volumeMounts"]} == {"ray", "shm"}
    assert all(mount in run["volumeMounts"] for mount in node["volumeMounts"])
    assert {volume["name"] for volume in spec["volumes"]} >= {"data", "ray", "shm"}
    assert node["command"][:2] == ["ray", "start"]
    options = options_of_start(node["command"][2:])
    (port,) = only_container(groups(cluster)[0])["ports"]
    assert options["address"] == (f"{cluster['metadata']['name']}-head-svc:{port['containerPort']}")
    assert (options["num_cpus"], options["num_gpus"], options["block"]) == (0, 0, True)
    assert options["node_manager_port"] == node["startupProbe"]["tcpSocket"]["port"]


def test_its_options_are_those_of_a_run_on_the_cluster(values, cluster):
    (run,) = run_spec(values)["containers"]
    environment = {one["name"]: one["value"] for one in run["env"] if "value" in one}
    options = Options(**options_from_environment(environment))
    assert (options.engine, options.ray_address) == ("ray", AUTO)
    head, workers = groups(cluster)
    gpus = only_container(workers)["resources"]["limits"]["nvidia.com/gpu"]
    assert options.workers == workers["maxReplicas"] * gpus
    assert workers["minReplicas"] >= 1  # else a run takes CPUs
    assert head["rayStartParams"]["num-cpus"] == "0"


def test_the_pods_of_the_cluster_are_valid_ones_of_the_same_image_and_data(values, cluster):
    assert (cluster["apiVersion"], cluster["kind"]) == ("ray.io/v1", "RayCluster")
    for group in groups(cluster):
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}}
        validate({**pod, **group["template"]}, KUBERNETES, strict=True)
        container = only_container(group)
        assert container["image"] == image_of(values)
        probed = {
            container[name]["tcpSocket"]["port"] for name in ("readinessProbe", "livenessProbe")
        }
        assert probed == {port["name"] for port in container["ports"]}
    objects = {(one["kind"], one["metadata"]["name"]) for one in documents("storage.yaml")}
    worker, spec = only_container(groups(cluster)[1]), groups(cluster)[1]["template"]["spec"]
    assert all(mount in worker["volumeMounts"] for mount in code_location(values)["volumeMounts"])
    (claim,) = [v["persistentVolumeClaim"] for v in spec["volumes"] if v["name"] == "data"]
    assert ("PersistentVolumeClaim", claim["claimName"]) in objects
    (keys,) = worker["envFrom"]
    assert ("Secret", keys["secretRef"]["name"]) in objects


def test_ray_understands_the_cluster(cluster):
    """Its autoscaler reads the manifest itself, and its command gets the parameters."""
    pytest.importorskip("ray")
    from ray.autoscaler._private.kuberay import autoscaling_config

    assert cluster["spec"]["rayVersion"] == version("ray")
    read = autoscaling_config._derive_autoscaling_config_from_ray_cr  # no other
    cluster["metadata"]["namespace"] = "captions"
    kinds = read(cluster)["available_node_types"]
    _, workers = groups(cluster)
    gpu = kinds[workers["groupName"]]
    assert (gpu["min_workers"], gpu["max_workers"]) == (1, workers["maxReplicas"])
    assert (gpu["resources"]["CPU"], gpu["resources"]["GPU"]) == (8, 1)
    assert kinds["headgroup"]["resources"]["CPU"] == 0
    for group in groups(cluster):
        options_of_start(f"--{name}={value}" for name, value in group["rayStartParams"].items())
        (port,) = only_container(group)["ports"]
        assert port["containerPort"] in (
            6379,
            int(group["rayStartParams"].get("node-manager-port", 0)),
        )


def test_the_command_that_builds_its_image_is_the_dockerfiles_with_ray():
    text = (EXAMPLES / "kubernetes" / "ray_cluster.yaml").read_text()
    (extras,) = re.findall(r"--build-arg EXTRAS=(\S+)", text)
    (plain,) = re.findall(r"^ARG EXTRAS=(.*)$", (EXAMPLES / "Dockerfile").read_text(), re.MULTILINE)
    assert set(extras.split(",")) == {*plain.split(","), "ray"}
    assert f"ray=={version('ray')}" in (ROOT / "constraints.txt").read_text()
