"""A server for one local model on this machine: started, waited for, and gone afterwards."""

import logging
import os
import shutil
import socket
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from capenh_pipeline.errors import ServerError
from capenh_pipeline.models.checkpoints import ModelSource, locate_model
from capenh_pipeline.models.hub_commits import hub_answers
from capenh_pipeline.models.local_server_batching import ONE_BY_ONE, Service
from capenh_pipeline.models.local_server_process import (
    ServerProcess,
    is_healthy,
    server_environment,
)
from capenh_pipeline.models.torch_threads import torch_cores
from capenh_pipeline.models.vlm_hub import read_config

READY_TIMEOUT_S = 1800.0
"""A hub model may have to be downloaded first; a server that dies is noticed at once."""

SMALL_CHECKPOINT_BYTES = 200_000_000
"""Below it one thread is fastest: operators this small wait for each other on shared cores."""

_PORT_TRIES = 3
_POLL_S = 0.1

logger = logging.getLogger(__name__)


class LocalServer:
    """`with LocalServer(model) as server:` serves a model on a free port of 127.0.0.1.

    The server is gone when the block is left, and when this process dies.

    Args:
        model: a local folder or a hub id.
        revision: of the hub id; None is its main branch.
        service: how it works on requests.
        threads: of one operator of torch; by default one for small checkpoints, else the cores.
        ready_timeout_s: how long the server may take to load the model.

    Attributes:
        model: the name that the server knows the model by.
        requests_in_flight: how many it should have at once.
        log_path: its output; kept if the block ends in an error that says so.

    Raises:
        ModelError: the model is neither a checkpoint folder nor found on the hub.
        ServerError: the server died, or was not ready in time.
    """

    def __init__(
        self,
        model: str,
        *,
        revision: str | None = None,
        service: Service = ONE_BY_ONE,
        threads: int | None = None,
        ready_timeout_s: float = READY_TIMEOUT_S,
    ) -> None:
        self._source = locate_model(model)
        self._revision = revision
        self._service = service
        self._threads = threads or _suitable_threads(self._source.folder)
        self._ready_timeout_s = ready_timeout_s
        self._process: ServerProcess | None = None
        self._is_log_named = False
        self._port = 0

    def __enter__(self) -> Self:
        read_config(self._source, self._revision)  # an answer reads better here than in a log
        self._is_offline = self._source.folder is not None or not hub_answers(
            self._source.effective_id, self._revision
        )
        self._folder = Path(tempfile.mkdtemp(prefix="capenh-llm-"))
        self.log_path = self._folder / "server.log"
        self.model = _servable_name(self._source, self._revision, self._folder)
        try:
            self._start()
        except BaseException as error:
            self.__exit__(type(error), error, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is not None:
            self._process.stop()
        if not self._is_log_named:
            shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def base_url(self) -> str:
        """The address for an OpenAI client."""
        return f"http://127.0.0.1:{self._port}/v1"

    @property
    def pid(self) -> int | None:
        """The number of the server's process, None before it is started."""
        return self._process.pid if self._process else None

    @property
    def is_running(self) -> bool:
        """Whether the server's process is there."""
        return self._process is not None and self._process.is_running

    @property
    def is_healthy(self) -> bool:
        """Whether it answers that it can work."""
        return is_healthy(self._port)

    def failure(self, what: str) -> ServerError:
        """Return the error of a server that `what`, with the end of its log."""
        self._is_log_named = True
        words = self._process.last_words() if self._process else "no process"
        return ServerError(
            f"The local LLM server for {self._source.requested} {what} ({words}): see its log, "
            f"{self.log_path}"
        )

    def _start(self) -> None:
        """Start the server and wait until it has loaded the model.

        Another program may take the free port before the server does; then there is another.
        """
        logger.info("Starting a local LLM server for %s.", self._source.requested)
        for _ in range(_PORT_TRIES):
            self._port = _free_port()
            self._process = self._launch()
            self.requests_in_flight = self._service.requests_in_flight()  # meanwhile it loads
            if self._wait_until_ready(self._process):
                logger.info("Process %d answers at %s.", self._process.pid, self.base_url)
                return
            self._process.stop()
            if "address already in use" not in self.log_path.read_text(errors="replace"):
                break
        raise self.failure("did not start")

    def _launch(self) -> ServerProcess:
        return ServerProcess(
            [
                *(self.model, "--host", "127.0.0.1", "--port", str(self._port)),
                *self._service.arguments,
            ],
            environment=server_environment(
                os.environ, threads=self._threads, is_offline=self._is_offline
            ),
            log_path=self.log_path,
        )

    def _wait_until_ready(self, process: ServerProcess) -> bool:
        """Return whether the server answers; False if it died."""
        deadline = time.monotonic() + self._ready_timeout_s
        while process.is_running:
            if is_healthy(self._port):
                return process.is_running
            if time.monotonic() > deadline:
                raise self.failure(f"was not ready after {self._ready_timeout_s:g} s")
            process.wait(_POLL_S)
        return False


def _suitable_threads(folder: Path | None) -> int:
    if folder is None:
        return torch_cores()
    weights = (path for suffix in ("safetensors", "bin") for path in folder.glob(f"*.{suffix}"))
    is_small = sum(path.stat().st_size for path in weights) < SMALL_CHECKPOINT_BYTES
    return 1 if is_small else torch_cores()


def _servable_name(source: ModelSource, revision: str | None, folder: Path) -> str:
    """Return a name that `transformers serve` understands; to it, an `@` begins a revision."""
    if source.folder is None:
        return name_at(source.effective_id, revision)
    if "@" not in source.effective_id:
        return source.effective_id
    link = folder / "model"
    link.symlink_to(source.effective_id, target_is_directory=True)
    return str(link)


def name_at(model: str, revision: str | None) -> str:
    """Return a model's name with the revision, as `transformers serve` reads it."""
    return f"{model}@{revision}" if revision else model


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
