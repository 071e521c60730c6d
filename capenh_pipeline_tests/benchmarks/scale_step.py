"""`python -m … STEP DATASET` does one thing to a large dataset and prints what it took, as JSON.

Each step is a process of its own, so that its peak memory is its own too.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from capenh_pipeline.stages.caption_files import write_files
from capenh_pipeline.stages.combined_captions import fill_combined_captions
from capenh_pipeline.stages.image_manifest import build_image_manifest
from capenh_pipeline.stages.run import Report, Run
from capenh_pipeline.stages.vlm_captions import fill_vlm_captions
from capenh_pipeline_tests.benchmarks.big_dataset import make_dataset, open_run
from capenh_pipeline_tests.fakes.llm import EchoLlm
from capenh_pipeline_tests.fakes.vlm import ColourVlm

Took = dict[str, float]


def make(dataset: Path, images: str) -> Took:
    """Make the dataset."""
    return _took(lambda: make_dataset(dataset, int(images)))


def run(dataset: Path, *flags: str) -> Took:
    """Run the four stages; what the scan took stands for itself, and what the others took.

    Args:
        dataset: of `make`.
        flags: options that are to be true.
    """
    opened = open_run(dataset, **dict.fromkeys(flags, True))
    reports: list[Report] = []
    scan = _took(lambda: reports.append(build_image_manifest(opened)))
    rest = _took(lambda: reports.extend(_fill(opened)))
    return {
        **{f"scan_{name}": value for name, value in scan.items()},
        **rest,
        "computed": sum(report.total("computed") for report in reports[1:]),
        "peak_mb": _peak_mb(),
    }


def _fill(opened: Run) -> list[Report]:
    return [
        fill_vlm_captions(opened, load=ColourVlm, before_load=lambda: None),
        fill_combined_captions(opened, connect=lambda choice: EchoLlm()),
        write_files(opened),
    ]


def _took(work: Callable[[], object]) -> Took:
    """Return seconds on the clock and of CPU, and bytes that went through `read` and `write`."""
    before, began = _io(), time.perf_counter()
    cpu = time.process_time()
    work()
    cpu, wall, after = time.process_time() - cpu, time.perf_counter() - began, _io()
    return {
        "wall_s": wall,
        "cpu_s": cpu,
        "read_mb": (after["rchar"] - before["rchar"]) / 1e6,
        "written_mb": (after["wchar"] - before["wchar"]) / 1e6,
    }


def _peak_mb() -> float:
    """Return the largest memory since this program was started; `getrusage` counts its parent's."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024


def _io() -> dict[str, int]:
    lines = Path("/proc/self/io").read_text().splitlines()
    return {name: int(value) for name, value in (line.split(": ") for line in lines)}


_STEPS = {"make": make, "run": run}

if __name__ == "__main__":
    step, dataset, *arguments = sys.argv[1:]
    json.dump(_STEPS[step](Path(dataset), *arguments), sys.stdout)
    sys.stdout.flush()
    os._exit(0)
