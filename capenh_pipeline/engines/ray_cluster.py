"""The connection to a Ray cluster."""

import logging
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from capenh_pipeline.domain.replies import one_line
from capenh_pipeline.errors import ConfigurationError

LOCAL, AUTO = "local", "auto"
CONNECTS_S = 10.0
ANSWERS_S = 30.0

_LINE_END = "\n"
_STRANGER = "it wants its token: set RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN if it is not yours"
_PROBE = "import ray, sys; ray.init(address=sys.argv[1], log_to_driver=False)"


@dataclass(frozen=True)
class Share:
    """What a worker is given of a node."""

    cpus: int
    gpus: int


class RayCluster:
    """A cluster that this process is connected to; close it to leave, or to end a local one."""

    def __init__(self, address: str) -> None:
        """Connect to a cluster: at HOST:PORT, or the one that this machine belongs to (`auto`).

        With `local` one is started on this machine.

        Raises:
            ConfigurationError: Ray is not installed, or no cluster answers there.
        """
        self._ray = _imported()
        if address != LOCAL:
            _check(address)
        self._is_ours = not self._ray.is_initialized()  # else who connected this process leaves
        if self._is_ours:
            _connect(self._ray, address)

    def nodes(self) -> list[Mapping[str, float]]:
        """Return the resources of each node that lives."""
        return [node["Resources"] for node in self._ray.nodes() if node["Alive"]]

    def gpus(self) -> int:
        """Return how many GPUs there are, used or not."""
        return sum(int(node.get("GPU", 0)) for node in self.nodes())

    def close(self) -> None:
        """Leave the cluster, and end one that was started here."""
        if self._is_ours:
            self._ray.shutdown()


def share_of(nodes: Sequence[Mapping[str, float]], *, workers: int, on_gpus: bool) -> Share:
    """Return what each worker is to have, so that all cores are used and all workers fit.

    Args:
        nodes: resources of each.
        workers: how many there are to be.
        on_gpus: whether each has a GPU.
    """
    if on_gpus:
        shares = [node.get("CPU", 0) // node["GPU"] for node in nodes if node.get("GPU", 0) >= 1]
        return Share(max(1, int(min(shares, default=1))), 1)
    cores = [int(node.get("CPU", 0)) for node in nodes]
    fitting = (
        cpus
        for cpus in range(max(cores, default=1), 1, -1)
        if sum(core // cpus for core in cores) >= workers
    )
    return Share(next(fitting, 1), 0)


def most_on_a_node(nodes: Sequence[Mapping[str, float]], share: Share) -> int:
    """Return how many workers one node has room for, at most."""
    kind, each = ("GPU", share.gpus) if share.gpus else ("CPU", share.cpus)
    return max(1, *(int(node.get(kind, 0) // each) for node in nodes))


def _imported() -> Any:
    try:
        import ray
    except ImportError:
        raise ConfigurationError(
            "--engine ray needs Ray: pip install 'capenh_pipeline[ray]'."
        ) from None
    return ray


def _check(address: str) -> None:
    """Make sure that a cluster is there, in another process: where none is, Ray tries for minutes.

    Raises:
        ConfigurationError: there is none.
    """
    if address != AUTO:
        _check_port(address)
    reason = "it says nothing that Ray understands"
    with suppress(subprocess.TimeoutExpired):
        done = subprocess.run(  # noqa: S603  # our own interpreter
            [sys.executable, "-P", "-c", _PROBE, address],
            timeout=ANSWERS_S,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode == 0:
            return
        reason = _STRANGER if "InvalidAuthToken" in done.stderr else done.stderr.strip()
    raise ConfigurationError(
        f"--ray_address {address}: that is no Ray cluster that takes us "
        f"({one_line(reason.rpartition(_LINE_END)[2])})."
    )


def _check_port(address: str) -> None:
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        raise ConfigurationError(f"--ray_address is {address!r}; it is HOST:PORT, auto or local.")
    try:
        socket.create_connection((host, int(port)), CONNECTS_S).close()
    except (OSError, OverflowError) as error:
        raise ConfigurationError(
            f"--ray_address {address}: nobody answers there ({error}); "
            "is the cluster up (ray start --head), and its port open?"
        ) from error


def _connect(ray: Any, address: str) -> None:
    is_main = threading.current_thread() is threading.main_thread()
    on_term = signal.getsignal(signal.SIGTERM)
    more = {"include_dashboard": False} if address == LOCAL else {}
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, **more)
    except (RuntimeError, ConnectionError, ValueError, OSError) as error:
        reason = one_line(str(error))
        raise ConfigurationError(f"--ray_address {address}: {reason}") from error
    finally:
        if is_main:
            signal.signal(signal.SIGTERM, on_term)  # Ray puts its own in the place of ours
