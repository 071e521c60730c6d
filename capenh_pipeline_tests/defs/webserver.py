"""A real Dagster webserver on loopback, asked as its pages ask it: over GraphQL."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.error import URLError
from urllib.request import Request, urlopen

import yaml

from capenh_pipeline.defs.instance import SETTINGS, open_instance
from capenh_pipeline.defs.run_tags import range_tags
from capenh_pipeline_tests.processes import PATIENCE_S, Process, processes, wait_until

ENDS = ("SUCCESS", "FAILURE", "CANCELED")
SPAWNED = "multiprocessing.spawn import spawn_main"
LAUNCH = """
mutation($run: ExecutionParams!) {
  launchRun(executionParams: $run) { __typename ... on LaunchRunSuccess { run { runId } } }
}"""
TERMINATE = "mutation($id: String!) { terminateRun(runId: $id) { __typename } }"
STATUS = "query($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"
RELOAD = """
mutation($location: String!) {
  reloadRepositoryLocation(repositoryLocationName: $location) { __typename }
}"""
RUNS = """{
  runsOrError { ... on Runs { results { runId status tags { key value } } } }
}"""
TICKS = """
query($sensor: SensorSelector!) {
  sensorOrError(sensorSelector: $sensor) {
    ... on Sensor { sensorState { ticks(limit: 20) { status skipReason } } }
  }
}"""
STALE = """
query($group: AssetGroupSelector!) {
  assetNodes(group: $group) { assetKey { path } staleStatus(partition: "0") }
}"""
LOCATION = "capenh_pipeline.definitions"
REPOSITORY = {"repositoryLocationName": LOCATION, "repositoryName": "__repository__"}
OF_DAGSTER = "__ASSET_JOB"
"""Dagster's own job, from which the button "Materialize" starts runs."""

LAUNCHED_AT_ONCE = {  # the project's leaves the launch to the daemon
    "run_coordinator": {
        "module": "dagster._core.run_coordinator",
        "class": "DefaultRunCoordinator",
    }
}


class Webserver:
    """`with Webserver(folder, variables) as web:` serves the project's definitions.

    Args:
        folder: for its DAGSTER_HOME and its log; it is its working directory too.
        variables: the options, as environment variables.
    """

    _program = ("dagster_webserver",)
    _settings: Mapping[str, Any] = LAUNCHED_AT_ONCE

    def __init__(self, folder: Path, **variables: str) -> None:
        self._home = folder / "dagster_home"
        self._home.mkdir()
        self._log = folder / "webserver.log"
        self._variables = variables

    def __enter__(self) -> Self:
        settings = {**yaml.safe_load(SETTINGS.read_text()), **self._settings}
        (self._home / "dagster.yaml").write_text(yaml.safe_dump(settings))
        with open_instance(self._home):  # before several processes ask for its tables
            pass
        self._port = _free_port()
        words = ["-m", "capenh_pipeline.definitions", "-h", "127.0.0.1", "-p", str(self._port)]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603  # our own interpreter
                [sys.executable, "-m", *self._program, *words],
                cwd=self._home.parent,
                env={**os.environ, **self._variables, "DAGSTER_HOME": str(self._home)},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            wait_until(self._is_up)
        except BaseException:
            self._kill()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop it as a service is stopped, and wait until none of its processes is left."""
        try:
            if error is None:
                self._process.send_signal(signal.SIGTERM)
                wait_until(lambda: self._process.poll() is not None)
                wait_until(lambda: not self._processes())
        finally:
            self._kill()

    def launch(
        self, job: str, *, shards: tuple[str, str] | None, assets: Sequence[str] = ()
    ) -> str:
        """Start a run over a range of shards, of some assets only, and return its id."""
        selector = {**REPOSITORY, "jobName": job}
        if assets:
            selector["assetSelection"] = [{"path": [name]} for name in assets]
        given = range_tags(*shards) if shards else {}
        tags = [{"key": name, "value": text} for name, text in given.items()]
        run = {"selector": selector, "executionMetadata": {"tags": tags}, "runConfigData": {}}
        launched = self.ask(LAUNCH, run=run)["launchRun"]
        assert launched["__typename"] == "LaunchRunSuccess", launched
        return launched["run"]["runId"]

    @property
    def address(self) -> str:
        """The first page."""
        return f"http://127.0.0.1:{self._port}"

    def terminate(self, run_id: str) -> None:
        """Cancel a run, as the button does."""
        answer = self.ask(TERMINATE, id=run_id)["terminateRun"]["__typename"]
        assert answer == "TerminateRunSuccess"

    def end_of(self, run_id: str) -> str:
        """Wait until a run is over and return how it ended."""
        wait_until(lambda: self._status(run_id) in ENDS)
        return self._status(run_id)

    def run_processes(self) -> list[int]:
        """Return the processes of this webserver that compute a run or a step of one."""
        return [process.pid for process in self._processes() if SPAWNED in process.command]

    def _processes(self) -> list[Process]:
        return [process for process in processes() if process.group == self._process.pid]

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def _is_up(self) -> bool:
        assert self._process.poll() is None, self._log.read_text()
        try:
            self.ask("{ version }")
        except URLError:
            return False
        return True

    def _status(self, run_id: str) -> str:
        return self.ask(STATUS, id=run_id)["runOrError"]["status"]

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """Send a GraphQL query, as a page does, and return its data."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        headers = {"Content-Type": "application/json"}
        request = Request(f"{self.address}/graphql", body, headers)  # noqa: S310  # our own
        with urlopen(request, timeout=PATIENCE_S) as answer:  # noqa: S310
            return json.load(answer)["data"]


class Dagster(Webserver):
    """The same with the daemon, as `dagster dev` starts both: sensors, schedules and the queue."""

    _program = ("dagster", "dev")
    _settings: Mapping[str, Any] = {}

    def reload(self) -> None:
        """Load the definitions anew, as the button does."""
        answer = self.ask(RELOAD, location=LOCATION)["reloadRepositoryLocation"]
        assert answer["__typename"] == "WorkspaceLocationEntry", answer

    def runs(self) -> list[dict[str, Any]]:
        """Return all runs, the newest first: `runId`, `status` and `tags` by key."""
        runs = self.ask(RUNS)["runsOrError"]["results"]
        return [{**run, "tags": {t["key"]: t["value"] for t in run["tags"]}} for run in runs]

    def skipped(self, sensor: str) -> list[str]:
        """Return why the latest looks of a sensor requested nothing, the newest first."""
        selector = {**REPOSITORY, "sensorName": sensor}
        ticks = self.ask(TICKS, sensor=selector)["sensorOrError"]["sensorState"]["ticks"]
        return [tick["skipReason"] for tick in ticks]

    def stale(self) -> dict[str, str]:
        """Return whether the shard `0` of each table is `FRESH`, `STALE` or `MISSING`."""
        nodes = self.ask(STALE, group={**REPOSITORY, "groupName": "captions"})["assetNodes"]
        return {node["assetKey"]["path"][-1]: node["staleStatus"] for node in nodes}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
