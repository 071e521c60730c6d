"""The embedded default: a local model behind a server on this machine, for one run."""

import logging
from collections.abc import Iterable
from dataclasses import replace
from itertools import chain

from capenh_pipeline.errors import ConfigurationError, ServerError
from capenh_pipeline.models.base import MergeReply, MergeRequest
from capenh_pipeline.models.checkpoints import locate_model
from capenh_pipeline.models.llm import Emit, OpenAiLanguageModel
from capenh_pipeline.models.llm_protocol import LlmSettings
from capenh_pipeline.models.local_server_batching import (
    BATCHING,
    ONE_BY_ONE,
    Backlog,
    BatchingFailedError,
    Service,
    unbatched_settings,
)
from capenh_pipeline.models.local_server_run import LocalServer, name_at
from capenh_pipeline.models.vlm_hub import read_config

PATIENCE_S = 1.0
"""A server that is gone is not started by anybody else."""

MAX_ATTEMPTS = 2
"""What fails here twice fails always: there is no network and no other user."""

logger = logging.getLogger(__name__)


class LocalLanguageModel:
    """Merges captions with a model that is served here for as long as it takes.

    Args:
        settings: how the LLM is asked; `model` is a local folder or a hub id.
        revision: of the hub id; None is its main branch.
        service: how it is served, if nothing speaks against it.

    Attributes:
        effective_model: the folder or hub id as it was given, the latter with its revision.
    """

    def __init__(
        self,
        settings: LlmSettings,
        *,
        revision: str | None = None,
        service: Service = BATCHING,
    ) -> None:
        if settings.model is None:
            raise ConfigurationError("No model is named to be served here: set --model.")
        self._settings = settings
        self._model = settings.model
        self._revision = revision
        self._service = service
        self.effective_model: str | None = name_at(settings.model, revision)

    def check(self) -> None:
        """Find out whether the model is there: in its folder, or in the hub's cache or on the hub.

        Nothing is started, and of a hub model no more than its config.json is downloaded.

        Raises:
            ModelError: it is not there.
        """
        read_config(locate_model(self._model), self._revision)

    def merge(self, requests: Iterable[MergeRequest], emit: Emit) -> None:
        """Start the server, ask for every request, stop it; without one, nothing is started.

        Raises:
            ModelError: the model cannot be found.
            ServerError: the server did not start, or died; what it answered is emitted before.
        """
        remaining = iter(requests)
        first = next(remaining, None)
        if first is None:
            return
        backlog = Backlog(chain([first], remaining))
        try:
            self._serve(backlog, emit, self._choose_service())
        except BatchingFailedError as error:
            logger.warning(
                "The local LLM server fails with several requests at once (%s); it is started "
                "again to answer one by one.",
                error,
            )
            self._serve(backlog, emit, ONE_BY_ONE)

    def _choose_service(self) -> Service:
        if not self._service.is_batching:
            return self._service
        unbatched = unbatched_settings(locate_model(self._model), self._revision)
        if unbatched:
            logger.warning(
                "The local LLM answers one by one, because its generation_config.json sets %s.",
                ", ".join(unbatched),
            )
        return ONE_BY_ONE if unbatched else self._service

    def _serve(self, backlog: Backlog, emit: Emit, service: Service) -> None:
        with LocalServer(self._model, revision=self._revision, service=service) as server:

            def take(reply: MergeReply) -> None:
                if reply.finish_reason is None:
                    _check_server(server, service, reply.error, has_replies=backlog.has_replies)
                backlog.close(reply)
                emit(reply)

            try:
                self._client_of(server).merge(backlog, take)
            except ServerError as error:
                _check_server(server, service, str(error), has_replies=backlog.has_replies)
                raise

    def _client_of(self, server: LocalServer) -> OpenAiLanguageModel:
        return OpenAiLanguageModel(
            replace(
                self._settings,
                base_url=server.base_url,
                model=server.model,
                concurrency=min(self._settings.concurrency, server.requests_in_flight),
                max_attempts=min(self._settings.max_attempts, MAX_ATTEMPTS),
                patience_s=min(self._settings.patience_s, PATIENCE_S),
            )
        )


def _check_server(
    server: LocalServer, service: Service, error: str | None, *, has_replies: bool
) -> None:
    """Find out whether a request that was not answered is the server's fault.

    Raises:
        ServerError: its process died.
        BatchingFailedError: it cannot work on several requests at once.
    """
    if not server.is_running:
        raise server.failure("died") from None
    if service.is_batching and not (has_replies and server.is_healthy):
        raise BatchingFailedError(error)
