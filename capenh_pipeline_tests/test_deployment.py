"""`examples/deployment`, as far as it can be tried without a cluster, Docker or systemd's init."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster_k8s import K8sRunLauncher
from dagster_k8s.job import (
    DagsterK8sJobConfig,
    UserDefinedDagsterK8sConfig,
    construct_dagster_k8s_job,
)
from kubernetes import client
from kubernetes_validate import validate

from capenh_pipeline.defs.environment import read_environment
from capenh_pipeline.defs.instance import SETTINGS
from capenh_pipeline.domain.option_values import convert
from capenh_pipeline.domain.options import option_fields, options_from_environment
from capenh_pipeline.free_port import free_port
from capenh_pipeline.models.server_keys import SECRETS
from capenh_pipeline_tests.processes import PATIENCE_S, wait_until

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples" / "deployment"
BIN = Path(sys.executable).parent
KUBERNETES = "1.33"
UNITS = sorted((EXAMPLES / "systemd").glob("*.service"))
INSTALLED = "/opt/capenh/.venv/bin/"


@pytest.fixture
def values():
    return yaml.safe_load((EXAMPLES / "kubernetes" / "values.yaml").read_text())


def documents(name):
    return list(yaml.safe_load_all((EXAMPLES / "kubernetes" / name).read_text()))


def code_location(values):
    (one,) = values["dagster-user-deployments"]["deployments"]
    return one


def launcher_config(values):
    """Return the launcher's part of `dagster.yaml`, as the chart makes it of its values."""
    given = values["runLauncher"]["config"]["k8sRunLauncher"]["runK8sConfig"]
    names = {
        "containerConfig": "container_config",
        "podSpecConfig": "pod_spec_config",
        "jobSpecConfig": "job_spec_config",
    }
    return {
        "load_incluster_config": True,
        "job_namespace": "captions",
        "service_account_name": "dagster",
        "dagster_home": {"env": "DAGSTER_HOME"},
        "instance_config_map": {"env": "DAGSTER_K8S_INSTANCE_CONFIG_MAP"},
        "postgres_password_secret": {"env": "DAGSTER_K8S_PG_PASSWORD_SECRET"},
        "run_k8s_config": {names[name]: config for name, config in given.items()},
    }


def without(config, *lists):
    return {name: value for name, value in config.items() if name not in lists}


def run_pod(values):
    """Return the Kubernetes job of a run: what the launcher and the code location add up to."""
    location, config = code_location(values), launcher_config(values)["run_k8s_config"]
    container = {
        **without(config["container_config"], "env", "volumeMounts"),
        "env": [*location["env"], *config["container_config"].get("env", [])],
        "env_from": [{"secret_ref": secret} for secret in location["envSecrets"]],
        "volume_mounts": [
            *location["volumeMounts"],
            *config["container_config"].get("volumeMounts", []),
        ],
    }
    pod = {
        **without(config["pod_spec_config"], "volumes"),
        "volumes": [*location["volumes"], *config["pod_spec_config"].get("volumes", [])],
        "security_context": location["podSecurityContext"],
    }
    image = location["image"]
    job = construct_dagster_k8s_job(
        job_config=DagsterK8sJobConfig(
            job_image=f"{image['repository']}:{image['tag']}",
            dagster_home="/opt/dagster/dagster_home",
            instance_config_map="dagster-instance",
            postgres_password_secret=values["global"]["postgresqlSecretName"],
        ),
        args=["dagster", "api", "execute_run"],
        job_name="dagster-run-0",
        user_defined_k8s_config=UserDefinedDagsterK8sConfig.from_dict(
            {
                "container_config": container,
                "pod_spec_config": pod,
                "job_spec_config": config["job_spec_config"],
            }
        ),
    )
    return client.ApiClient().sanitize_for_serialization(job)


def test_the_pod_of_a_run_is_a_valid_one_with_a_gpu_the_dataset_and_the_keys(values):
    job = run_pod(values)
    validate(job, KUBERNETES, strict=True)
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert container["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert {"name": "data", "mountPath": "/data"} in container["volumeMounts"]
    assert {"secretRef": {"name": "capenh-keys"}} in container["envFrom"]


def test_the_launcher_takes_its_config(values, monkeypatch):
    for name in ("HOME", "K8S_INSTANCE_CONFIG_MAP", "K8S_PG_PASSWORD_SECRET"):  # the chart's
        monkeypatch.setenv(f"DAGSTER_{name}", "x")

    @dg.op(config_schema=K8sRunLauncher.config_type())
    def launcher(context):
        """It is its config that is looked at."""

    @dg.job
    def job():
        launcher()

    config = {"ops": {"launcher": {"config": launcher_config(values)}}}
    assert dg.validate_run_config(job, config)
    config["ops"]["launcher"]["config"]["gpu"] = 1
    with pytest.raises(dg.DagsterInvalidConfigError):
        dg.validate_run_config(job, config)


def test_what_is_asked_for_is_there(values):
    objects = {(one["kind"], one["metadata"]["name"]): one for one in documents("storage.yaml")}
    for one in objects.values():
        validate(one, KUBERNETES, strict=True)
    location = code_location(values)
    (volume,) = location["volumes"]
    claim = objects["PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"]]
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    (keys,) = location["envSecrets"]
    assert set(objects["Secret", keys["name"]]["stringData"]) == {*SECRETS}
    assert ("Secret", values["global"]["postgresqlSecretName"]) in objects
    assert values["postgresql"]["existingSecret"] == values["global"]["postgresqlSecretName"]


def test_the_options_are_options_and_fit(values):
    known = {f"CAPENH_{field.name.upper()}" for field in option_fields()} | {"CAPENH_WATCH"}
    environment = {one["name"]: one["value"] for one in code_location(values)["env"]}
    assert set(environment) <= known
    options = options_from_environment(environment)
    assert options["dataset_dir"].startswith("/data/")
    assert options["recursive"] is True


def test_the_instance_has_the_settings_of_dagster_yaml(values):
    """The chart writes `dagster.yaml` itself, from these."""
    settings = yaml.safe_load(SETTINGS.read_text())
    pools, runs = values["concurrency"]["pools"], values["concurrency"]["runs"]
    assert settings["concurrency"]["pools"] == {
        "granularity": pools["granularity"],
        "default_limit": pools["defaultLimit"],
    }
    limits = settings["concurrency"]["runs"]["tag_concurrency_limits"]
    assert limits == runs["tagConcurrencyLimits"]
    retries = values["dagsterDaemon"]["runRetries"]
    assert settings["run_retries"]["max_retries"] == retries["maxRetries"]
    logs = values["pythonLogs"]
    assert settings["python_logs"] == {
        "managed_python_loggers": logs["managedPythonLoggers"],
        "python_log_level": logs["pythonLogLevel"],
    }
    assert settings["telemetry"] == values["telemetry"]


@pytest.mark.skipif(not (BIN / "hadolint").exists(), reason="hadolint is not installed")
def test_the_dockerfile_is_sound_and_copies_what_is_there():
    dockerfile = EXAMPLES / "Dockerfile"
    done = subprocess.run(  # noqa: S603  # a linter that is installed beside us
        [BIN / "hadolint", dockerfile], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    ignored = (EXAMPLES / "Dockerfile.dockerignore").read_text().splitlines()
    for sources in re.findall(r"^COPY (.*) \S+$", dockerfile.read_text(), re.MULTILINE):
        for source in sources.split():
            assert (ROOT / source).exists(), source
            assert f"!{source.split('/')[0]}" in ignored
    (extras,) = re.findall(r"^ARG EXTRAS=(.*)$", dockerfile.read_text(), re.MULTILINE)
    project = (ROOT / "pyproject.toml").read_text()
    assert all(re.search(rf"^{extra} = \[", project, re.MULTILINE) for extra in extras.split(","))


def here(unit, folder):
    """Return a unit with our interpreter's programs, and folders that are there."""
    text = unit.read_text().replace(INSTALLED, f"{BIN}/")
    text = text.replace("/opt/capenh/dagster.yaml", str(SETTINGS))
    return text.replace("/var/lib/capenh", str(folder))


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
def test_systemd_finds_no_fault_in_the_units(tmp_path):
    for unit in UNITS:
        (tmp_path / unit.name).write_text(here(unit, tmp_path))
    done = subprocess.run(  # noqa: S603  # Debian's own program
        [shutil.which("systemd-analyze"), "verify", "--man=no", *tmp_path.glob("*.service")],
        env={**os.environ, "SYSTEMD_UNIT_PATH": f"{tmp_path}:"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_variables_of_the_units_are_options(tmp_path):
    (tmp_path / ".env").write_text((EXAMPLES / "systemd" / "capenh.env").read_text())
    chosen = {
        name: value for name, value in read_environment(tmp_path).items() if name[:6] == "CAPENH"
    }
    fields = {f"CAPENH_{field.name.upper()}": field for field in option_fields()}
    assert set(chosen) - {"CAPENH_WATCH"} <= set(fields)
    for name, value in chosen.items():
        if name in fields:
            convert(fields[name], value, source=name)


def commands_of(name, folder):
    """Return the commands of a unit and its environment, as systemd reads them."""
    text = here(EXAMPLES / "systemd" / name, folder)
    settings = re.search(r"^Environment=(.*)$", text, re.MULTILINE)
    assert settings
    variables = dict(setting.split("=", 1) for setting in settings[1].split())
    commands = re.findall(r"^ExecStart(?:Pre)?=(.*)$", text, re.MULTILINE)
    return [command.split() for command in commands], variables


@pytest.mark.slow
def test_the_commands_of_the_units_work_one_after_the_other(tmp_path):
    """As systemd starts them, on an empty folder: instance, daemon, web server."""
    (tmp_path / "dagster_home").mkdir()
    dataset = {"CAPENH_DATASET_DIR": str(tmp_path / "images"), "CAPENH_WATCH": "true"}

    def start(name, **more):
        commands, variables = commands_of(name, tmp_path)
        environment = {**os.environ, **dataset, **variables, **more}
        for command in commands:
            words = [re.sub(r"\$\{(\w+)\}", lambda m: environment[m[1]], w) for w in command]
            with (tmp_path / f"{name}.log").open("ab") as log:
                process = subprocess.Popen(  # noqa: S603  # the units' own commands
                    words, cwd=tmp_path, env=environment, stdout=log, stderr=log
                )
            if name == "capenh-instance.service":
                assert process.wait(PATIENCE_S) == 0, (tmp_path / f"{name}.log").read_text()
        return process

    start("capenh-instance.service")
    daemon = start("capenh-daemon.service")
    web = start("capenh-webserver.service", UI_PORT=str(free_port(None)))
    try:
        wait_until(lambda: "Serving" in (tmp_path / "capenh-webserver.service.log").read_text())
        wait_until(lambda: "Instance is" in (tmp_path / "capenh-daemon.service.log").read_text())
        assert daemon.poll() is None
        assert web.poll() is None
    finally:
        for process in (web, daemon):
            process.terminate()
        for process in (web, daemon):
            process.wait(PATIENCE_S)
