"""`python -m … STEP DATASET` does one thing to a large dataset and prints what it took, as JSON.

Each step is a process of its own, so that its peak memory is its own too.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import dagster as dg

from capenh_pipeline.defs.pipeline import pipeline_definitions
from capenh_pipeline.defs.resources import Outside
from capenh_pipeline.domain.deployment import Deployment
from capenh_pipeline.stages.caption_files import write_files
from capenh_pipeline.stages.combined_captions import fill_combined_captions
from capenh_pipeline.stages.image_manifest import build_image_manifest
from capenh_pipeline.stages.progress import LineProgress
from capenh_pipeline.stages.run import Report, Run
from capenh_pipeline.stages.vlm_captions import fill_vlm_captions
from capenh_pipeline.stages.watch_place import Place
from capenh_pipeline_tests.benchmarks.big_dataset import OPTIONS, make_dataset, open_run
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


def look(dataset: Path) -> Took:
    """Let the sensor look until all folders have had their turn.

    Return the median milliseconds of a look, on the clock and of CPU, and how many that takes.
    Looks that list all are left out, as the first does where the store is of another version.

    Args:
        dataset: of `make`, with nothing new.
    """
    outside = Outside(environment=dict, progress=LineProgress(lambda line: None))
    values = {"dataset_dir": str(dataset), **OPTIONS}
    definitions = pipeline_definitions(values, outside, Deployment())
    repository, places, took, looks = definitions.get_repository_def(), [Place()], [], 0
    with dg.DagsterInstance.ephemeral() as instance:
        while not looks or len(took) < 10:
            with dg.build_sensor_context(
                instance,
                places[-1].cursor(),
                repository_def=repository,
                resources=dict(definitions.resources or {}),
            ) as context:
                began, cpu = time.perf_counter(), time.process_time()
                said = repository.get_sensor_def("new_images").evaluate_tick(context)
                taken = time.perf_counter() - began, time.process_time() - cpu
            places.append(Place.read(said.cursor))
            if "Nothing has changed" in (said.skip_message or ""):
                took.append(taken)
                looks = looks or (len(took) if _is_round(*places[-2:]) else 0)
    wall_s, cpu_s = (median(one) for one in zip(*took, strict=True))
    return {"ms": wall_s * 1000, "cpu_ms": cpu_s * 1000, "looks": looks}


def _is_round(before: Place, now: Place) -> bool:
    """Return whether the turns of all folders are over, and begin anew."""
    return now.after < before.after or (now.after == before.after and not now.owed_s)


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


_STEPS = {"make": make, "run": run, "look": look}

if __name__ == "__main__":
    step, dataset, *arguments = sys.argv[1:]
    json.dump(_STEPS[step](Path(dataset), *arguments), sys.stdout)
    sys.stdout.flush()
    os._exit(0)
