"""How many rows a second the embedded LLM server answers."""

import time
from pathlib import Path

import capenh_pipeline.demo
from capenh_pipeline.domain.fusion.verdict import Verdict
from capenh_pipeline.domain.prompts import user_message
from capenh_pipeline.models.base import MergeReply, MergeRequest
from capenh_pipeline.models.llm_protocol import LlmSettings
from capenh_pipeline.models.local_server import LocalLanguageModel
from capenh_pipeline.models.local_server_batching import BATCHING, ONE_BY_ONE, Service

MERGE_LLM = Path(capenh_pipeline.demo.__file__).parent / "models" / "merge-llm"

ROWS = 256
IN_FLIGHT = 32


def local_server() -> dict[str, float]:
    """Return the rows/s of the demo's merge model, each row with another prompt.

    The clock runs from the first answer on, without the start of the server. At `_32` so many
    rows are asked for at once; on a CPU the pipeline passes on eight of them at a time.
    `llm_local_ratio` is `_32` ÷ `_1`; `llm_local_vs_one_by_one` is `_32` ÷ the same rows asked of
    a server without continuous batching.
    """
    one = _rows_per_s(1, BATCHING)
    many = _rows_per_s(IN_FLIGHT, BATCHING)
    one_by_one = _rows_per_s(IN_FLIGHT, ONE_BY_ONE)
    return {
        "llm_local_rows_per_s_1": round(one, 1),
        "llm_local_rows_per_s_32": round(many, 1),
        "llm_local_ratio": round(many / one, 2),
        "llm_local_vs_one_by_one": round(many / one_by_one, 2),
    }


def _rows_per_s(in_flight: int, service: Service) -> float:
    settings = LlmSettings(None, str(MERGE_LLM), concurrency=in_flight, max_tokens=64)
    times: list[float] = []

    def note(reply: MergeReply) -> None:
        assert reply.error is None, reply.error
        times.append(time.perf_counter())

    LocalLanguageModel(settings, service=service).merge(map(_row, range(ROWS)), note)
    return (ROWS - 1) / (times[-1] - times[0])


def _row(number: int) -> MergeRequest:
    message = user_message(f"sks{number}", [(None, f"A red circle and {number} blue squares.")])
    return MergeRequest(number, "Merge.", message, _accept)


def _accept(answer: str) -> Verdict:
    return Verdict(answer, None, None, (), None)
