"""Workers in actors of a Ray cluster."""

import queue
import re
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from importlib.metadata import version
from typing import Any

from capenh_pipeline.domain.replies import one_line
from capenh_pipeline.engines.base import MakeWorker
from capenh_pipeline.engines.pool import Begun, Died, Done, Event, Failed, Ready
from capenh_pipeline.engines.ray_cluster import RayCluster, Share
from capenh_pipeline.engines.ray_worker import MOST_ROOM, RayWorker
from capenh_pipeline.errors import CapenhError, ConfigurationError

STARTS_S = 600.0
"""Seconds without any actor: a cluster that grows by itself takes minutes for a new node."""


_REASON = re.compile(
    r"(?:Worker exit detail: |The actor (?:died|is dead) because )"
    r"(?P<why>(?!its worker process has died).*?\.)(?: |$)",
    re.DOTALL | re.MULTILINE,
)


class RayPool:
    """An actor for each worker (`engines.pool.Pool`).

    Ray places an actor where its share of a node is free, and keeps it waiting while there is
    none: so a node that joins gets workers, and one that leaves takes its workers with it. Actors
    end with the process that has made them.
    """

    patience_s = STARTS_S
    nobody = (
        f"Ray has started no worker in {STARTS_S:g} seconds; no node has room for one, "
        "see `ray status`."
    )

    def __init__(
        self,
        cluster: RayCluster,
        make: MakeWorker[Any, Any],
        *,
        share: Share,
        workers: Callable[[], int],
    ) -> None:
        """Prepare to start workers.

        Args:
            cluster: where; it is closed with the pool.
            make: makes a worker.
            share: what each is given of a node.
            workers: returns how many there are to be now.
        """
        import ray

        self._ray = ray
        self._cluster = cluster
        self._make = make
        self._workers = workers
        options = {"num_cpus": share.cpus, "num_gpus": share.gpus, "max_concurrency": MOST_ROOM}
        remote: Any = ray.remote
        self._actor_class = remote(**options)(RayWorker)
        self._actors: dict[int, Any] = {}
        self._heard: queue.SimpleQueue[Callable[[], Event]] = queue.SimpleQueue()

    def places(self) -> int:
        """Return how many workers there are to be now."""
        return self._workers()

    def start(self, worker: int, place: int) -> None:
        """Ask for an actor."""
        del place  # Ray finds one
        actor = self._actors[worker] = self._actor_class.remote()
        self._listen(actor.begin.remote(), worker, partial(self._begun, worker))

    def give(self, worker: int, ticket: int, job: Any) -> None:
        """Send a job."""
        if worker in self._actors:
            said = self._actors[worker].do.remote(job)
            self._listen(said, worker, partial(Done, worker, ticket), ticket)

    def wait(self, timeout_s: float) -> list[Event]:
        """Return what was heard."""
        events: list[Event] = []
        with suppress(queue.Empty):
            events.append(self._heard.get(timeout=timeout_s)())
            while True:
                events.append(self._heard.get_nowait()())
        return events

    def end(self, worker: int) -> None:
        """Kill an actor: it holds nothing that is not known here."""
        if worker in self._actors:
            self._ray.kill(self._actors.pop(worker))

    def close(self) -> None:
        """Kill all actors, and leave the cluster."""
        for worker in list(self._actors):
            self.end(worker)
        self._cluster.close()

    def _begun(self, worker: int, theirs: str) -> Event:
        """Let an actor that answers make its worker; those that do not are given nothing."""
        if theirs != version("capenh_pipeline"):
            error = f"A node has capenh_pipeline {theirs}; this is {version('capenh_pipeline')}."
            return Failed(worker, None, ConfigurationError(error))
        if worker in self._actors:
            made = self._actors[worker].make.remote(self._make)
            self._listen(made, worker, lambda result: Ready(worker, *result))
        return Begun(worker)

    def _listen(
        self, said: Any, worker: int, event: Callable[[Any], Event], ticket: int | None = None
    ) -> None:
        """Have what an actor says, or its end, among the events."""

        def put(future: Any) -> None:  # in a thread of Ray's
            error = future.exception()
            if error is None:
                self._heard.put(partial(event, future.result()))
            else:
                self._heard.put(partial(_end, error, worker, ticket))

        said.future().add_done_callback(put)


def _end(error: Exception, worker: int, ticket: int | None) -> Event:
    """Return what it means that a call of an actor has raised `error`."""
    from ray.exceptions import RayTaskError

    cause = getattr(error, "cause", None)
    if isinstance(cause, CapenhError):
        return Failed(worker, ticket, cause)
    if isinstance(error, RayTaskError):
        return Failed(worker, ticket, RuntimeError(str(error)))
    return Died(worker, _why(str(error)))


def _why(text: str) -> str:
    """Return the reason in what Ray says of an actor that has ended, which is ten lines."""
    found = _REASON.search(text)
    return one_line(found["why"] if found else text).rstrip(".")
