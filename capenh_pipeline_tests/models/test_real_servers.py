"""The LLM client against servers that others wrote: `transformers serve` and llama.cpp's."""

import contextlib
import importlib.util
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import capenh_pipeline.demo
from capenh_pipeline.domain.prompts import user_message
from capenh_pipeline.errors import ServerError
from capenh_pipeline.models.llm import LlmSettings, OpenAiLanguageModel
from capenh_pipeline.models.local_server_batching import BATCHING
from capenh_pipeline.models.local_server_run import LocalServer
from capenh_pipeline_tests.models.llama_cpp import CONTEXT_TOKENS, LlamaCppServer, convert
from capenh_pipeline_tests.models.llm_rows import merged, request

MERGE_LLM = Path(capenh_pipeline.demo.__file__).parent / "models" / "merge-llm"
COLOURS = ("red", "blue", "green", "yellow")
SHAPES = ("circle", "square", "triangle", "star")
TOO_LONG = "A red circle. " * CONTEXT_TOKENS

needs_llama_cpp = pytest.mark.skipif(
    not all(importlib.util.find_spec(name) for name in ("xllamacpp", "gguf")),
    reason="xllamacpp and gguf are not installed",
)
SERVERS = ["transformers", pytest.param("llama.cpp", marks=needs_llama_cpp)]


class Served(NamedTuple):
    """A server that runs: its address, the model's name there, and its process."""

    base_url: str
    model: str
    pid: int


@contextlib.contextmanager
def serving(name: str, folder: Path) -> Iterator[Served]:
    """Run a server of this name with the demo's merge model."""
    if name == "transformers":
        with LocalServer(str(MERGE_LLM), service=BATCHING) as server:
            yield Served(server.base_url, server.model, server.pid)
    else:
        with LlamaCppServer(convert(MERGE_LLM, folder / "merge.gguf")) as server:
            yield Served(server.base_url, "merge", server.process.pid)


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    """Return the running server of a name; it is started when it is first asked for."""
    running = {}
    with contextlib.ExitStack() as stack:

        def get(name: str) -> Served:
            if name not in running:
                folder = tmp_path_factory.mktemp("server")
                running[name] = stack.enter_context(serving(name, folder))
            return running[name]

        yield get


def model_of(served, **changes):
    settings = {"model": served.model, "max_tokens": 64, "backoff_s": 0.01, **changes}
    return OpenAiLanguageModel(LlmSettings(served.base_url, **settings))


def row(key, caption):
    return request(key, user_message("sks", [(None, caption)]))


def rows():
    return [
        row((colour, shape), f"A {colour} {shape}.")
        for _ in range(3)
        for colour in COLOURS
        for shape in SHAPES
    ]


@pytest.mark.slow
@pytest.mark.parametrize("name", SERVERS)
def test_rows_are_merged_sixteen_at_a_time(name, servers):
    replies = merged(model_of(servers(name), concurrency=16), rows())
    assert len(replies) == len(rows())
    assert {reply.caption for reply in replies} == {
        f"sks, a {colour} {shape}." for colour in COLOURS for shape in SHAPES
    }
    assert all(reply.attempts == 1 for reply in replies)
    assert all(reply.prompt_tokens > reply.completion_tokens > 0 for reply in replies)


@pytest.mark.parametrize("name", SERVERS)
def test_an_answer_that_max_tokens_cuts_off_is_a_failed_row(name, servers):
    (reply,) = merged(model_of(servers(name), max_tokens=2, llm_attempts=1), rows()[:1])
    assert (reply.caption, reply.finish_reason, reply.completion_tokens) == (None, "length", 2)
    assert reply.error_kind == "length"


@pytest.mark.parametrize("name", SERVERS)
def test_check_accepts_what_the_server_has(name, servers):
    model_of(servers(name)).check()


@pytest.mark.parametrize("name", SERVERS)
def test_a_model_that_the_server_does_not_have_is_named_or_answered_for(name, servers):
    """`transformers serve` says 400 to each request; llama.cpp answers for its only model."""
    llm = model_of(servers(name), model="no-such-model")
    if name == "transformers":
        with pytest.raises(ServerError, match="has no model 'no-such-model'"):
            merged(llm, rows())
    else:
        assert merged(llm, rows()[:1])[0].caption == "sks, a red circle."


@needs_llama_cpp
def test_the_only_model_of_a_server_needs_no_name(servers):
    llm = model_of(servers("llama.cpp"), model=None)
    assert merged(llm, rows()[:1])[0].caption == "sks, a red circle."
    assert llm.effective_model is not None


@needs_llama_cpp
def test_a_prompt_longer_than_the_context_fails_alone(servers):
    asked = [*rows()[:2], row("long", TOO_LONG), *rows()[2:4]]
    replies = {reply.key: reply for reply in merged(model_of(servers("llama.cpp")), asked)}
    long = replies.pop("long")
    assert (long.caption, long.attempts) == (None, 1)
    assert "exceeds the available context size" in long.error
    assert len([reply for reply in replies.values() if reply.caption]) == len(asked) - 1


@pytest.mark.slow
@pytest.mark.parametrize("name", SERVERS)
def test_a_server_that_is_killed_in_mid_run_ends_it_and_what_it_answered_is_kept(name, tmp_path):
    replies = []
    with serving(name, tmp_path) as served:

        def kill_at_the_fifth(reply):
            replies.append(reply)
            if len(replies) == 5:
                os.kill(served.pid, signal.SIGKILL)

        llm = model_of(served, concurrency=1, patience_s=0.1)
        with pytest.raises(ServerError, match=r"127\.0\.0\.1"):
            llm.merge(rows(), kill_at_the_fifth)
    assert 5 <= len(replies) < len(rows())
    assert all(reply.caption for reply in replies)
