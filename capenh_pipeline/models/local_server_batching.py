"""How many requests the embedded server works on at once, and what speaks against several.

Continuous batching adds each request to the batch that the model is at work on. Its cache is
bounded here: left alone it takes 60 % of a machine's memory, or most of a GPU's, and the first
answer waits until all of it was written once (42 s for 14 GB). Its blocks are small, because
prompts that begin alike share only whole blocks. Without flash attention each token of a batch is
compared with the cached tokens of every request, so on a CPU more than about eight requests at
once are answered more slowly again.

It fails for architectures without paged attention, and a request longer than the cache ends its
worker, for all requests. It also leaves out some of what a checkpoint asks of its answers.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from capenh_pipeline.models.base import MergeReply, MergeRequest
from capenh_pipeline.models.checkpoints import ModelSource
from capenh_pipeline.models.hub_commits import hub_answers
from capenh_pipeline.models.vlm_device import choose_device
from capenh_pipeline.models.vlm_hub import read_config

CACHE_TOKENS = 16_384
"""2 GiB for a common model of 7 B parameters."""

BLOCK_TOKENS = 32
STEP_TOKENS = 512
"""Tokens that one step of the model takes in; the attention mask is as many times the cache."""

IN_FLIGHT_ON_CUDA, IN_FLIGHT_ELSEWHERE = 32, 8

_GENERATION_CONFIG = "generation_config.json"
_UNBATCHED = {
    "repetition_penalty": 1.0,
    "encoder_repetition_penalty": 1.0,
    "min_length": 0,
    "min_new_tokens": 0,
    "no_repeat_ngram_size": 0,
    "bad_words_ids": None,
    "sequence_bias": None,
    "begin_suppress_tokens": None,
    "exponential_decay_length_penalty": None,
}
"""What continuous batching leaves out or gets wrong, and the value that asks for nothing."""


@dataclass(frozen=True)
class Service:
    """How a server works.

    Attributes:
        is_batching: whether it works on several requests at once.
        arguments: of `transformers serve`.
    """

    is_batching: bool
    arguments: tuple[str, ...]

    def requests_in_flight(self) -> int:
        """Return how many requests it should have at once; imports torch where it matters."""
        if not self.is_batching:
            return 2  # the second is there when the first is done
        return IN_FLIGHT_ON_CUDA if choose_device("auto") == "cuda" else IN_FLIGHT_ELSEWHERE


ONE_BY_ONE = Service(is_batching=False, arguments=())


def batching(cache_tokens: int = CACHE_TOKENS) -> Service:
    """Return the service with continuous batching; no request may be longer than the cache."""
    options = {
        "--cb-block-size": BLOCK_TOKENS,
        "--cb-num-blocks": cache_tokens // BLOCK_TOKENS,
        "--cb-max-batch-tokens": STEP_TOKENS,
    }
    words = (word for name, value in options.items() for word in (name, str(value)))
    return Service(is_batching=True, arguments=("--continuous-batching", *words))


BATCHING = batching()


class BatchingFailedError(Exception):
    """The server cannot answer several requests at once; its text says why."""


class Backlog:
    """The requests of a run; whoever iterates anew gets those without a reply first.

    Attributes:
        has_replies: whether any request was replied to.
    """

    def __init__(self, requests: Iterable[MergeRequest]) -> None:
        self._requests = iter(requests)
        self._open: list[MergeRequest] = []
        self.has_replies = False

    def __iter__(self) -> Iterator[MergeRequest]:
        again, self._open = self._open, []
        for request in chain(again, self._requests):
            self._open.append(request)
            yield request

    def close(self, reply: MergeReply) -> None:
        """Take note that a request was replied to."""
        self.has_replies = True
        self._open = [request for request in self._open if request.key is not reply.key]


def unbatched_settings(source: ModelSource, revision: str | None) -> list[str]:
    """Return the settings of a checkpoint's generation that continuous batching would not follow.

    Raises:
        ModelError: the checkpoint is not there.
    """
    config, commit = read_config(source, revision)
    values = {**config, **_read_generation_config(source, commit)}
    return [name for name, none in _UNBATCHED.items() if values.get(name) not in (None, none)]


def _read_generation_config(source: ModelSource, commit: str | None) -> dict[str, Any]:
    """Return its JSON object; empty where there is none, or nobody knows."""
    folder = source.folder
    path = folder / _GENERATION_CONFIG if folder else _find_on_hub(source.effective_id, commit)
    try:
        values = json.loads(path.read_bytes()) if path else None
    except (OSError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}


def _find_on_hub(hub_id: str, commit: str | None) -> Path | None:
    """Return the file in the hub's cache, fetched if it is new; None if there is none."""
    from huggingface_hub import errors, hf_hub_download, try_to_load_from_cache

    cached = try_to_load_from_cache(hub_id, _GENERATION_CONFIG, revision=commit)
    if isinstance(cached, str):
        return Path(cached)
    if cached is not None or not hub_answers(hub_id, commit):  # known to be missing, or silent
        return None
    try:
        return Path(hf_hub_download(hub_id, _GENERATION_CONFIG, revision=commit))
    except (errors.HTTPError, OSError, ValueError):
        return None
