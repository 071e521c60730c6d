"""Images read in a process of their own, which a decoder may take down with it.

`python -m capenh_pipeline.dataset.image_process FD` answers requests on a connection.
"""

import subprocess
import sys
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

from PIL import Image

from capenh_pipeline.child_process import start_child
from capenh_pipeline.dataset.images import load_image
from capenh_pipeline.errors import CapenhError, ConfigurationError, RowError
from capenh_pipeline.places.place import Place

STARTS_S = 60.0
"""Seconds that a process may take to start."""

A_DAY_S = 86_400.0
"""A longer wait is none that the system knows."""

_READY = "ready"


class ImageProcess:
    """A process that reads images, one at a time; when it dies another one takes its place.

    It serves one thread.
    """

    def __init__(self) -> None:
        self._running: tuple[subprocess.Popen[bytes], Connection] | None = None

    def load_image(self, path: Place | bytes, *, timeout_s: float, **options: Any) -> Image.Image:
        """Return what `images.load_image` returns for the same arguments.

        Raises:
            RowError: as there, or "crashed": the image took two processes down.
            ConfigurationError: no such process can be started.
        """
        request = {"path": path, **options}
        for _ in range(2):  # the first may have been killed for another reason
            try:
                size, pixels = self._ask(request, timeout_s)
            except (EOFError, ConnectionError):
                code = self.close()
            else:
                return Image.frombytes("RGB", size, pixels)
        raise RowError("crashed", f"Reading the image ended the process that did it ({code}).")

    def close(self) -> int | None:
        """End the process, if there is one, and return its exit code."""
        if self._running is None:
            return None
        (process, connection), self._running = self._running, None
        connection.close()
        process.kill()
        return process.wait()

    def _ask(self, request: dict[str, Any], timeout_s: float) -> tuple[tuple[int, int], bytes]:
        _, connection = self._running or self._start()
        connection.send(request)
        if not connection.poll(min(timeout_s, A_DAY_S)):
            self.close()
            raise RowError("timeout", f"Reading the image took more than {timeout_s:g} seconds.")
        answer = connection.recv()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _start(self) -> tuple[subprocess.Popen[bytes], Connection]:
        process, connection = self._running = start_child("capenh_pipeline.dataset.image_process")
        if not _is_ready(connection):
            code = self.close()
            raise ConfigurationError(
                f"--isolate_images: a process that decodes images cannot be started ({code})."
            )
        return process, connection


def _is_ready(connection: Connection) -> bool:
    try:
        return connection.poll(STARTS_S) and connection.recv() == _READY
    except (EOFError, ConnectionError):
        return False


def _answer(request: dict[str, Any]) -> Exception | tuple[tuple[int, int], bytes]:
    try:
        image = load_image(**request)
    except (RowError, CapenhError) as error:
        return error
    return image.size, image.tobytes()


def serve(connection: Connection) -> None:
    """Answer requests until the other side is gone."""
    with suppress(EOFError, ConnectionError):
        connection.send(_READY)
        while True:
            connection.send(_answer(connection.recv()))


if __name__ == "__main__":
    serve(Connection(int(sys.argv[1])))
