"""Ceph's object gateway, a server that is used in production, on a cluster in memory."""

import contextlib
import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import Generator
from pathlib import Path

from capenh_pipeline_tests.object_storage.servers import (
    ACCESS_KEY,
    SECRET_KEY,
    free_loopback_port,
    make_bucket,
    wait_until_it_answers,
)

PROGRAMS = ("ceph", "ceph-mon", "ceph-osd", "monmaptool", "radosgw", "radosgw-admin")
_PATIENCE_S = 120
_SETTINGS = """
[global]
fsid = {fsid}
mon host = v1:127.0.0.1:{monitor}
ms bind msgr2 = false
public addr = 127.0.0.1
cluster addr = 127.0.0.1
auth cluster required = none
auth service required = none
auth client required = none
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pgp num = 4
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
osd objectstore = memstore
mon allow pool size one = true
mon max pg per osd = 1000
mon data avail warn = 1
mon data avail crit = 1
run dir = {folder}
admin socket = {folder}/$name.asok
pid file = {folder}/$name.pid
log file = {folder}/$name.log
mon cluster log file = {folder}/cluster.log
mon data = {folder}/mon
osd data = {folder}/osd
rgw data = {folder}
rgw frontends = beast endpoint=127.0.0.1:{gateway}
"""


def is_installed() -> bool:
    return all(map(shutil.which, PROGRAMS))


@contextlib.contextmanager
def ceph() -> Generator[str]:
    """Yield the address of a gateway; it takes about twenty seconds until it answers."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        cluster = _Cluster(Path(name))
        try:
            yield cluster.begin()
        finally:
            cluster.end()


class _Cluster:
    def __init__(self, folder: Path) -> None:
        self._settings = folder / "ceph.conf"
        self._folder = folder
        self._fsid = str(uuid.uuid4())
        self._monitor, self._gateway = free_loopback_port(), free_loopback_port()
        self._processes: list[subprocess.Popen[bytes]] = []

    def begin(self) -> str:
        for name in ("mon", "osd"):
            (self._folder / name).mkdir()
        self._settings.write_text(
            _SETTINGS.format(
                folder=self._folder,
                fsid=self._fsid,
                monitor=self._monitor,
                gateway=self._gateway,
            )
        )
        map_file, address = self._folder / "monmap", f"[v1:127.0.0.1:{self._monitor}]"
        self._run("monmaptool", "--create", "--addv", "a", address, "--fsid", self._fsid, map_file)
        self._run("ceph-mon", "--mkfs", "-i", "a", "--monmap", map_file)
        self._start("ceph-mon", "-f", "-i", "a")
        disk = str(uuid.uuid4())
        self._run("ceph", "osd", "create", disk)
        self._run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", disk)
        self._start_disk()
        keys = ("--access-key", ACCESS_KEY, "--secret-key", SECRET_KEY)
        self._run("radosgw-admin", "user", "create", "--uid=u", "--display-name=u", *keys)
        gateway = self._start("radosgw", "-f", "-n", "client.gateway")
        endpoint = f"http://127.0.0.1:{self._gateway}"
        wait_until_it_answers(endpoint, gateway)
        make_bucket(endpoint)
        return endpoint

    def end(self) -> None:
        for process in reversed(self._processes):
            process.kill()
            process.wait()

    def _start_disk(self) -> None:
        """Start the disk's process, again if it asks the monitor too early and gives up."""
        deadline = time.monotonic() + _PATIENCE_S
        disk = self._start("ceph-osd", "-f", "-i", "0")
        while not self._has_disk():
            if time.monotonic() > deadline:
                raise TimeoutError(f"no disk is up after {_PATIENCE_S} s")
            if disk.poll() is not None:
                disk = self._start("ceph-osd", "-f", "-i", "0")

    def _has_disk(self) -> bool:
        try:
            return "1 up" in self._run("ceph", "osd", "stat")
        except subprocess.CalledProcessError:  # a busy monitor may refuse to say
            return False

    def _run(self, *command: object) -> str:
        words = [*map(str, command), "-c", str(self._settings)]
        if command[0] == "monmaptool":
            words = words[:-2]
        done = subprocess.run(  # noqa: S603  # programs of the package
            words, check=True, capture_output=True, text=True, timeout=_PATIENCE_S
        )
        return done.stdout

    def _start(self, *command: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(  # noqa: S603  # programs of the package
            [*command, "-c", str(self._settings)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._processes.append(process)
        return process
