"""A real PostgreSQL server of our own, on a Unix socket in a temporary folder."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from capenh_pipeline_tests.ordinary_user import ORDINARY_USER
from capenh_pipeline_tests.processes import wait_until

DEBIANS = Path("/usr/lib/postgresql")  # its programs are not on the PATH
NAME = "dagster"


@dataclass(frozen=True)
class Postgres:
    """A server that listens; `stop` ends it at once."""

    url: str
    process: subprocess.Popen[bytes]

    def stop(self) -> None:
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait()


def programs() -> Path | None:
    """Return the folder of PostgreSQL's programs, if it is installed."""
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else []
    folders += [path.parent for path in sorted(DEBIANS.glob("*/bin/initdb"), reverse=True)]
    return next(iter(folders), None)


@contextmanager
def postgres(folder: Path) -> Iterator[Postgres]:
    """Yield a server with an empty database; `folder` is where PostgreSQL's programs are."""
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        # It refuses to be root. Without fsync it is quick, and nobody needs what is in it.
        identity = {"user": ORDINARY_USER, "group": ORDINARY_USER} if os.geteuid() == 0 else {}
        if identity:
            os.chown(home, ORDINARY_USER, ORDINARY_USER)
        words = ["initdb", "--username", NAME, "--auth", "trust", "--no-sync", "-D", "data"]
        words[0] = str(folder / words[0])
        subprocess.run(words, cwd=home, check=True, capture_output=True, **identity)  # noqa: S603
        settings = ["-c", "listen_addresses=", "-c", "fsync=off", "-k", str(home)]
        with (home / "log").open("wb") as log:
            process = subprocess.Popen(  # noqa: S603  # a program of Debian's
                [str(folder / "postgres"), "-D", "data", *settings],
                cwd=home,
                stdout=log,
                stderr=log,
                **identity,
            )
        server = Postgres(f"postgresql+psycopg2://{NAME}@/{NAME}?host={home}", process)
        try:
            create = [str(folder / "createdb"), "-h", str(home), "-U", NAME, NAME]
            wait_until(lambda: _succeeds(create))
            yield server
        finally:
            server.stop()


def _succeeds(words: list[str]) -> bool:
    return subprocess.run(words, capture_output=True, check=False).returncode == 0  # noqa: S603
