"""How near the LLM client comes to what a server allows, and what it costs this machine.

`python -m capenh_pipeline_tests.benchmarks.llm_stage` prints the figures alone.
"""

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import psutil

from capenh_pipeline.domain.fusion.judge import Rules, judge
from capenh_pipeline.domain.fusion.sources import Sources
from capenh_pipeline.domain.fusion.verdict import Verdict
from capenh_pipeline.domain.prompts import user_message
from capenh_pipeline.models.base import MergeReply, MergeRequest
from capenh_pipeline.models.llm import OpenAiLanguageModel
from capenh_pipeline.models.llm_protocol import LlmSettings
from capenh_pipeline.models.llm_surroundings import REAL, Surroundings
from capenh_pipeline_tests.benchmarks.slow_llm_server import slow_llm_server

ROWS = 2000
EARLY_ROWS = 200
ONE_AT_A_TIME = 200
CONCURRENCY = 64
LATENCY_S = 0.2

ANIMALS = ("dog", "cat", "horse", "parrot", "fox", "rabbit", "goat", "swan")
RULES = Rules(min_retention=0.7, min_support=0.6)


def llm_stage() -> dict[str, object]:
    """Return the figures of 2,000 rows against a server of its own process that takes 200 ms.

    `llm_efficiency`: requests/s with 64 in flight ÷ 64 / 0.2 s; `llm_efficiency_unjudged`: the same
    if every answer is accepted.
    `llm_cpu_ms`: CPU milliseconds a request, of this process, judging its answer included, with
    aiohttp where it is installed; `llm_cpu_ms_httpx`: without it; `llm_cpu_ms_unjudged`: with it,
    if every answer is accepted.
    `llm_memory_growth_mb`: resident memory after the last row less that after the 200th.
    `llm_speedup`: rows/s ÷ rows/s one at a time.
    """
    with slow_llm_server(LATENCY_S) as url:
        _run(url, CONCURRENCY, ROWS)  # imports, and fills the caches of words
        many = _run(url, CONCURRENCY, ROWS)
        httpx = _run(url, CONCURRENCY, ROWS, surroundings=Surroundings(has_aiohttp=False))
        unjudged = _run(url, CONCURRENCY, ROWS, is_judged=False)
        single = _run(url, 1, ONE_AT_A_TIME)
    return {
        "llm_efficiency": round(many.rows_per_s * LATENCY_S / CONCURRENCY, 3),
        "llm_efficiency_unjudged": round(unjudged.rows_per_s * LATENCY_S / CONCURRENCY, 3),
        "llm_cpu_ms": round(many.cpu_ms, 2),
        "llm_cpu_ms_httpx": round(httpx.cpu_ms, 2),
        "llm_cpu_ms_unjudged": round(unjudged.cpu_ms, 2),
        "llm_memory_growth_mb": round(many.growth_mb, 1),
        "llm_rows_per_s": round(many.rows_per_s, 1),
        "llm_rows_per_s_one_at_a_time": round(single.rows_per_s, 1),
        "llm_speedup": round(many.rows_per_s / single.rows_per_s, 1),
    }


@dataclass(frozen=True)
class _Figures:
    rows_per_s: float
    cpu_ms: float
    growth_mb: float


def _run(
    url: str,
    concurrency: int,
    count: int,
    *,
    is_judged: bool = True,
    surroundings: Surroundings = REAL,
) -> _Figures:
    settings = LlmSettings(url, "slow", concurrency=concurrency)
    llm = OpenAiLanguageModel(settings, surroundings=surroundings)
    memory = psutil.Process().memory_info
    resident: list[int] = []
    done = 0

    def emit(reply: MergeReply) -> None:
        nonlocal done
        assert reply.error is None, reply.error
        done += 1
        if done in (min(count, EARLY_ROWS), count):
            resident.append(memory().rss)

    wall, cpu = time.perf_counter(), time.process_time()
    llm.merge(_rows(count, is_judged=is_judged), emit)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    assert done == count
    return _Figures(count / wall, 1000 * cpu / count, (resident[-1] - resident[0]) / 2**20)


def _rows(count: int, *, is_judged: bool) -> Iterator[MergeRequest]:
    system_prompt = "You combine captions of one image into one caption. " * 30
    for number in range(count):
        manual = f"sks dog {number} in the garden of Anna."
        animal = ANIMALS[number % len(ANIMALS)]
        seen = (
            f"A brown {animal} is sitting on a wooden table next to a blue cup with {number} dots. "
            "Behind it stands an old stone house with green shutters. The sky is clear, and the "
            "light falls from the left, which gives long soft shadows on the grass."
        )
        sources = Sources(manual, (seen,), ("sks",))
        message = user_message(manual, [(None, seen)])
        verdict = partial(judge, sources=sources, rules=RULES) if is_judged else _accepted
        yield MergeRequest(number, system_prompt, message, verdict)


def _accepted(answer: str) -> Verdict:
    return Verdict(answer, None, None, (), None)


if __name__ == "__main__":
    json.dump(llm_stage(), sys.stdout, indent=2)
    sys.stdout.write("\n")
