"""Rows for an LLM, and how tests ask for them."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from capenh_pipeline.domain.fusion.verdict import Verdict
from capenh_pipeline.domain.prompts import user_message
from capenh_pipeline.domain.replies import caption_of
from capenh_pipeline.models.base import LanguageModel, MergeReply, MergeRequest
from capenh_pipeline.models.llm import LlmSettings, OpenAiLanguageModel
from capenh_pipeline.models.llm_surroundings import REAL, Surroundings
from capenh_pipeline_tests.fakes.llm_server import DEFAULT_MODEL, FakeLlmServer, Reply
from capenh_pipeline_tests.fakes.loopback import ReceivedRequest

TRANSPORTS = [
    pytest.param(
        Surroundings(has_aiohttp=True),
        id="aiohttp",
        marks=pytest.mark.skipif(not REAL.has_aiohttp, reason="aiohttp is not installed"),
    ),
    pytest.param(Surroundings(has_aiohttp=False), id="httpx"),
]


def settings(base_url: str | None, **changes: Any) -> LlmSettings:
    """Return settings for a fake server, with pauses too short to notice."""
    plain = LlmSettings(base_url, DEFAULT_MODEL, backoff_s=0.001)
    return replace(plain, **changes)


def accepted(answer: str) -> Verdict:
    """Judge without any rule."""
    return Verdict(caption_of(answer), None, None, (), None)


def request(key: Any, message: str, *, judge: Callable[[str], Verdict] = accepted) -> MergeRequest:
    """Return a request for the caption of one row."""
    return MergeRequest(key, "Merge.", message, judge)


def rows(count: int) -> list[MergeRequest]:
    """Return requests whose merged caption is `f"sks {i}, A dog, {i}."`."""
    return [
        request(("row", i), user_message(f"sks {i}", [(None, f"A dog, {i}.")]))
        for i in range(count)
    ]


def merged(llm: LanguageModel, requests: list[MergeRequest]) -> list[MergeReply]:
    """Return the replies to `requests`, in the order in which they were emitted."""
    replies: list[MergeReply] = []
    llm.merge(requests, replies.append)
    return replies


def ask(
    reply: Reply, count: int = 1, *, surroundings: Surroundings = REAL, **changes: Any
) -> tuple[list[MergeReply], list[ReceivedRequest]]:
    """Return the replies of a server that answers with `reply`, and the requests that it saw."""
    with FakeLlmServer(reply) as server:
        asked = settings(server.base_url, **{"concurrency": 1, **changes})
        llm = OpenAiLanguageModel(asked, surroundings=surroundings)
        return merged(llm, rows(count)), server.requests
