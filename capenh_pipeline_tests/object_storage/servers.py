"""S3 servers on the loopback interface, each a process that a test session starts and ends."""

import os
import random
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from capenh_pipeline_tests.processes import PATIENCE_S

BUCKET = "datasets"
MOTO = f"{__package__}.moto_server"

ACCESS_KEY, SECRET_KEY = "testing-access-key", "testing-secret-key"  # of nothing
REGION = "us-east-1"


def variables(endpoint: str) -> dict[str, str]:
    """The environment in which obstore finds a server."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_REGION": REGION,
    }


@contextmanager
def moto() -> Generator[str]:
    """Moto's server, which heeds conditions."""
    port = free_loopback_port()
    with _served([sys.executable, "-m", MOTO, str(port)], port) as endpoint:
        make_bucket(endpoint)
        yield endpoint


@contextmanager
def nanio() -> Generator[str]:
    """A server of folders, which takes conditional writes and ignores their conditions."""
    port = free_loopback_port()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / BUCKET).mkdir()
        command = ["-m", "nanio", "serve", "--data-dir", folder, "--host", "127.0.0.1"]
        keys = {"NANIO_ACCESS_KEY": ACCESS_KEY, "NANIO_SECRET_KEY": SECRET_KEY}
        with _served([sys.executable, *command, "--port", str(port)], port, keys) as endpoint:
            yield endpoint


def make_bucket(endpoint: str) -> None:
    made = client(endpoint)
    made.create_bucket(Bucket=BUCKET)
    made.close()


def client(endpoint: str) -> Any:
    """Amazon's own client, which is not the one that is tested."""
    import boto3

    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        region_name=REGION,
    )


def free_loopback_port() -> int:
    """Return one that no connection is given meanwhile: Linux takes those from 32768 on."""
    while True:
        port = random.randrange(20_000, 32_000)  # noqa: S311  # no secret
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@contextmanager
def _served(
    command: list[str], port: int, environment: Mapping[str, str] | None = None
) -> Generator[str]:
    process = subprocess.Popen(  # noqa: S603  # a server of the test extras
        command,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        endpoint = f"http://127.0.0.1:{port}"
        wait_until_it_answers(endpoint, process)
        yield endpoint
    finally:
        process.kill()
        process.wait()


def wait_until_it_answers(endpoint: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            urllib.request.urlopen(endpoint).close()  # noqa: S310  # our own server
        except urllib.error.HTTPError:
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return
