"""How many batches a CPU works on at once, and with how many threads of torch each.

Chosen, because torch's default can cost 35 times: small operators on cores that others use too
spend their time waiting for each other. A model of 2 M parameters took 388 s for 150 images with
two threads on a busy machine of two cores, and 11.6 s with one. Batches side by side, one thread
each, wait for nobody.
"""

import contextlib
import math
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

CLEAR_GAIN = 0.85
"""Threads that share a batch must take at most this share of the time of batches side by side."""
HOPELESS = 2.0
"""From this share on they are not measured again: on busy cores that takes seconds."""

_CGROUP_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def choose_lanes(
    run: Callable[[int], object], *, cores: int, clock: Callable[[], float] = time.perf_counter
) -> int:
    """Set torch's threads, and return how many batches are best in work at once on a CPU.

    That is one batch on each core, or one on all of them where that is clearly faster.

    Args:
        run: works on so many batches at once, each a short, typical one.
        cores: that may be used.
        clock: seconds, for the measurement.
    """
    set_threads(1)
    if cores == 1:
        return 1
    run(1)  # the first call pays for what later ones find ready
    apart = min(_time(run, cores, clock), _time(run, cores, clock))
    set_threads(cores)
    together = _time(run, 1, clock)
    if together < HOPELESS * apart:
        together = min(together, _time(run, 1, clock))
    if together <= CLEAR_GAIN * apart:
        return 1
    set_threads(1)
    return cores


def set_threads(count: int) -> None:
    """Let torch take `count` threads for one operator, one operator at a time."""
    import torch

    torch.set_num_threads(count)
    with contextlib.suppress(RuntimeError):  # settable only before torch's first parallel work
        torch.set_num_interop_threads(1)


def usable_cores(*, quota_file: Path = _CGROUP_QUOTA) -> int:
    """Return the cores that this process may use: affinity and container quota count."""
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    return max(1, min(cores, _quota(quota_file)))


def torch_cores() -> int:
    """Return the most threads that torch may take; `OMP_NUM_THREADS` is a user's own limit."""
    limit = os.environ.get("OMP_NUM_THREADS", "")
    return min(usable_cores(), int(limit)) if limit.isdigit() and int(limit) else usable_cores()


def _time(run: Callable[[int], object], batches: int, clock: Callable[[], float]) -> float:
    """Return the seconds a batch."""
    start = clock()
    run(batches)
    return (clock() - start) / batches


def _quota(cpu_max: Path) -> int:
    """Return the cores that a cgroup grants by its `cpu.max`, "quota period" in microseconds."""
    try:
        quota, period = cpu_max.read_text().split()
        return math.ceil(int(quota) / int(period))
    except (OSError, ValueError):  # no cgroup v2, or "max": no limit
        return sys.maxsize
