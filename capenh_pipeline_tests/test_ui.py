"""`capenh ui`: the Dagster UI and its daemon on a dataset's store, on loopback alone."""

import contextlib
import json
import os
import re
import signal
import socket
from urllib.request import Request, urlopen

import pytest

from capenh_pipeline.cli import main
from capenh_pipeline_tests.command import started_capenh
from capenh_pipeline_tests.images import draw
from capenh_pipeline_tests.processes import PATIENCE_S, processes, wait_until

DAEMONS = "{ instance { daemonHealth { allDaemonStatuses { daemonType healthy required } } info } }"


_SERVING = re.compile(r"Serving dagster-webserver on (http://127\.0\.0\.1:\d+)")


@pytest.fixture
def images(tmp_path):
    draw(tmp_path / "images" / "a.png", 1)
    return tmp_path / "images"


@pytest.fixture
def taken():
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]


def test_a_port_that_is_taken_or_none_is_one_sentence_and_nothing_is_started(images, taken, capfd):
    assert main(["ui", "--dataset_dir", str(images), "--port", str(taken)]) == 2
    error = capfd.readouterr().err
    assert error == f"capenh: Port {taken} of 127.0.0.1 is taken; name another --port.\n"
    for none in ("abc", "0", "65536", "-1", "³"):
        assert main(["ui", "--dataset_dir", str(images), f"--port={none}"]) == 2
        error = capfd.readouterr().err
        assert error == f"capenh: --port is {none!r}; it must be a number from 1 to 65535.\n"
    assert not (images / ".capenh").exists()


@pytest.mark.slow
def test_the_ui_has_its_records_in_the_store_its_daemons_at_work_and_ends_with_ctrl_c(images):
    with _occupied(3000):
        ui = started_capenh("ui", "--dataset_dir", images, cwd=images.parent)
        try:
            told, address = [], None
            while address is None:
                line = ui.stdout.readline()
                assert line, told
                told.append(line)
                address = _SERVING.search(line)
            assert not address[1].endswith(":3000")
            wait_until(lambda: _daemons_are_healthy(address[1]))
            assert str(images / ".capenh" / "dagster_home") in _asked(address[1])["info"]
            assert "superseded" not in "".join(told)
        finally:
            os.killpg(ui.pid, signal.SIGINT)
            ui.communicate(timeout=PATIENCE_S)
    assert ui.returncode == 0
    wait_until(lambda: not [process for process in processes() if process.group == ui.pid])


@contextlib.contextmanager
def _occupied(port):
    """Somebody listens on `port`: we, if nobody else does."""
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):
            stack.enter_context(socket.create_server(("127.0.0.1", port)))
        yield


def _asked(address):
    body = json.dumps({"query": DAEMONS}).encode()
    headers = {"Content-Type": "application/json"}
    request = Request(f"{address}/graphql", body, headers)  # noqa: S310  # our own address
    try:
        with urlopen(request, timeout=PATIENCE_S) as answer:  # noqa: S310
            return json.load(answer)["data"]["instance"]
    except OSError:
        return None


def _daemons_are_healthy(address):
    instance = _asked(address)
    if instance is None:
        return False
    found = {d["daemonType"]: d for d in instance["daemonHealth"]["allDaemonStatuses"]}
    return all(found[name]["healthy"] for name in ("SENSOR", "SCHEDULER", "QUEUED_RUN_COORDINATOR"))
