"""Azurite, Microsoft's own stand-in for Azure's blob storage, with its blobs in memory."""

import base64
import contextlib
import hashlib
import hmac
import os
import secrets
import shutil
import subprocess
import urllib.request
from collections.abc import Generator
from datetime import UTC, datetime

from capenh_pipeline_tests.object_storage.servers import (
    free_loopback_port,
    wait_until_it_answers,
)

PROGRAM = "azurite-blob"
ACCOUNT, CONTAINER = "dogs", "datasets"
_VERSION = "2021-08-06"


def is_installed() -> bool:
    return shutil.which(PROGRAM) is not None


@contextlib.contextmanager
def azurite() -> Generator[dict[str, str]]:
    """Yield the environment in which obstore finds a server with one container."""
    port, key = free_loopback_port(), base64.b64encode(secrets.token_bytes(64)).decode()
    options = ["--silent", "--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry"]
    process = subprocess.Popen(  # noqa: S603  # a program of the package
        [PROGRAM, *options, "--blobHost", "127.0.0.1", "--blobPort", str(port)],
        env={**os.environ, "AZURITE_ACCOUNTS": f"{ACCOUNT}:{key}"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        address = f"http://127.0.0.1:{port}"
        wait_until_it_answers(address, process)
        _make_container(address, key)
        endpoint = f"{address}/{ACCOUNT}"
        yield {"AZURE_STORAGE_ENDPOINT": endpoint, "AZURE_STORAGE_ACCOUNT_KEY": key}
    finally:
        process.kill()
        process.wait()


def _make_container(address: str, key: str) -> None:
    """Make the container, with a request that is signed as Azure wants it ("Shared Key").

    https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key
    """
    date = datetime.now(UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
    path = f"{ACCOUNT}/{CONTAINER}"
    empty = "\n" * 12  # headers that are not sent
    signed = f"PUT{empty}x-ms-date:{date}\nx-ms-version:{_VERSION}\n"
    signed += f"/{ACCOUNT}/{path}\nrestype:container"
    digest = hmac.new(base64.b64decode(key), signed.encode(), hashlib.sha256).digest()
    request = urllib.request.Request(  # noqa: S310  # our own server
        f"{address}/{path}?restype=container",
        method="PUT",
        headers={
            "x-ms-date": date,
            "x-ms-version": _VERSION,
            "Authorization": f"SharedKey {ACCOUNT}:{base64.b64encode(digest).decode()}",
            "Content-Length": "0",
        },
    )
    urllib.request.urlopen(request).close()  # noqa: S310  # our own server
