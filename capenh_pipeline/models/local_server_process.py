"""The process of the embedded LLM server, as the pipeline sees it."""

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from capenh_pipeline.domain.replies import one_line
from capenh_pipeline.models.server_keys import SECRETS

STOP_S = 3.0
_SCRIPT = Path(__file__).with_name("local_server_script.py")
_TRACEBACK = "Traceback (most recent call last):"
_EXCEPTION = re.compile(r"^[\w.]+(?:Error|Exception|Interrupt)\b.*", re.MULTILINE | re.DOTALL)


class ServerProcess:
    """A running `transformers serve`, in a process group of its own.

    A Ctrl-C in the terminal does not reach it: it is stopped when those who ask it are done. It
    ends by itself when this process dies (see `local_server_script`).

    Args:
        arguments: of `transformers serve`.
        environment: of the process.
        log_path: where its output goes.
    """

    def __init__(
        self, arguments: Sequence[str], *, environment: Mapping[str, str], log_path: Path
    ) -> None:
        self._log_path = log_path
        # -P: a file in the working folder cannot pass for a module
        command = [sys.executable, "-P", str(_SCRIPT), "serve", *arguments]
        with log_path.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603  # our own script, no shell
                command,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The process's number, which is its group's too."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def wait(self, timeout_s: float) -> None:
        """Wait for its end, no longer than `timeout_s`."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout_s)

    def stop(self) -> None:
        """End it and what it may have started: asked first, then killed."""
        try:
            self._signal(signal.SIGTERM)
            self.wait(STOP_S)
        finally:
            self._signal(signal.SIGKILL)
            self._process.wait()
            if self._process.stdin is not None:
                self._process.stdin.close()

    def last_words(self) -> str:
        """Return the exception at the end of its log, else the last line."""
        log = self._log_path.read_text(errors="replace").strip()
        exception = _EXCEPTION.search(log.rpartition(_TRACEBACK)[2])
        lines = log.splitlines() or ["it wrote nothing"]
        return one_line(exception[0] if exception else lines[-1])

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)


def is_healthy(port: int) -> bool:
    """Return whether a server on this machine answers GET /health with 200."""
    connection = HTTPConnection("127.0.0.1", port, timeout=5)  # urllib would ask a proxy
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def server_environment(
    environment: Mapping[str, str], *, threads: int, is_offline: bool
) -> dict[str, str]:
    """Return the variables of the process: ours, but the API keys; nothing is told to anybody.

    Args:
        environment: our own.
        threads: of one operator of torch.
        is_offline: whether the model lies on this machine, so that no network is waited for.
    """
    ours = {name: value for name, value in environment.items() if name not in SECRETS}
    chosen = {
        "OMP_NUM_THREADS": str(threads),
        "MKL_NUM_THREADS": str(threads),
        "TOKENIZERS_PARALLELISM": "false",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_UPDATE_CHECK": "1",
        "OTEL_SDK_DISABLED": "true",
        "PYTHONUNBUFFERED": "1",
    }
    return {**ours, **chosen, **({"HF_HUB_OFFLINE": "1"} if is_offline else {})}
