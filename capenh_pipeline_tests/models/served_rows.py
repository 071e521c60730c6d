"""Images for a served VLM, and how tests ask for them."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from PIL import Image

from capenh_pipeline.errors import RowError
from capenh_pipeline.models.base import Generation, VlmReply
from capenh_pipeline.models.image_talk import ImageReply, ImageRequest
from capenh_pipeline.models.image_urls import PixelBudget, data_url
from capenh_pipeline.models.llm_protocol import LlmSettings
from capenh_pipeline.models.llm_surroundings import REAL, Surroundings
from capenh_pipeline.models.served_vlm import ServedVlm, ServedVlmSettings
from capenh_pipeline_tests.fakes.llm_server import FakeLlmServer
from capenh_pipeline_tests.fakes.loopback import DEFAULT_MODEL
from capenh_pipeline_tests.fakes.vlm_server import COLOURS

NAMES = list(COLOURS)
LLM_URL = "http://127.0.0.1:1/v1"
"""Of no VLM server of a test."""

Again = Callable[[VlmReply | RowError], Generation | None]


def settings(
    *servers: str, model: str | None = DEFAULT_MODEL, **requests: Any
) -> ServedVlmSettings:
    """Return settings for fake servers, with pauses too short to notice."""
    quick = LlmSettings(None, model, concurrency=1, max_tokens=50, backoff_s=0.001)
    return ServedVlmSettings(
        servers=servers,
        model=model,
        prompts=("see",),
        system_prompt=None,
        budget=PixelBudget(None, 10_000),
        requests=replace(quick, **requests),
    )


def served(
    *servers: FakeLlmServer | str,
    surroundings: Surroundings = REAL,
    environment: Mapping[str, str] | None = None,
    llm_url: str = LLM_URL,
    **changes: Any,
) -> ServedVlm:
    """Return a VLM that is served by these."""
    urls = [server if isinstance(server, str) else server.base_url for server in servers]
    return ServedVlm(
        settings(*urls, **changes), environment or {}, llm_url=llm_url, surroundings=surroundings
    )


def images(count: int, *, again: Again = lambda result: None) -> list[ImageRequest]:
    """Return requests about images of one colour; `see` answers number and colour of each."""
    return [
        ImageRequest(place, data_url(Image.new("RGB", (32, 32), COLOURS[name])), str(place), again)
        for place in range(count)
        for name in [NAMES[place % len(NAMES)]]
    ]


def seen(place: int) -> str:
    """Return what `see` answers about the image of `images` at a place."""
    return f"{place} {NAMES[place % len(NAMES)]}"


def captioned(vlm: ServedVlm, requests: list[ImageRequest]) -> list[ImageReply]:
    """Return the replies to `requests`, in the order in which they were emitted."""
    replies: list[ImageReply] = []
    vlm.caption(requests, replies.append)
    return replies


def captions(replies: list[ImageReply]) -> dict[int, str | None]:
    """Return the last caption of each reply by its key; None where it failed."""
    results = {reply.key: reply.answers[-1].result for reply in replies}
    return {
        key: result.caption if isinstance(result, VlmReply) else None
        for key, result in sorted(results.items())
    }
