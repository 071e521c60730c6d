"""How many threads torch takes for one operator: chosen, because its default can cost 35 times.

Small operators on cores that others use too spend their time waiting for each other: a model of
2 M parameters took 388 s for 150 images with two threads on a busy machine of two cores, and
11.6 s with one.
"""

import contextlib
import math
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

CLEAR_GAIN = 0.85
"""More threads must take at most this share of the time of one."""
HOPELESS = 2.0
"""From this share on, more threads are not measured again: on busy cores that takes seconds."""

_CGROUP_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def choose_threads(
    run: Callable[[], object], *, cores: int, clock: Callable[[], float] = time.perf_counter
) -> int:
    """Set torch's threads for an operator to what makes `run` fast, and return their number.

    Args:
        run: a short, typical piece of the work; it is called up to five times.
        cores: the most threads to take. They are taken where that is clearly faster than one.
        clock: seconds, for the measurement.
    """
    set_threads(1)
    if cores == 1:
        return 1
    run()  # the first call pays for what later ones find ready
    one = min(_time(run, clock), _time(run, clock))
    set_threads(cores)
    many = _time(run, clock)
    if many < HOPELESS * one:
        many = min(many, _time(run, clock))
    return set_threads(cores if many <= CLEAR_GAIN * one else 1)


def set_threads(count: int) -> int:
    """Let torch take `count` threads for one operator, one operator at a time."""
    import torch

    torch.set_num_threads(count)
    with contextlib.suppress(RuntimeError):  # settable only before torch's first parallel work
        torch.set_num_interop_threads(1)
    return count


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


def spare_cores() -> int:
    """Return the cores that torch leaves to other threads, at least one."""
    torch = sys.modules.get("torch")
    return max(1, usable_cores() - (torch.get_num_threads() if torch else 0))


def _time(run: Callable[[], object], clock: Callable[[], float]) -> float:
    start = clock()
    run()
    return clock() - start


def _quota(cpu_max: Path) -> int:
    """Return the cores that a cgroup grants by its `cpu.max`, "quota period" in microseconds."""
    try:
        quota, period = cpu_max.read_text().split()
        return math.ceil(int(quota) / int(period))
    except (OSError, ValueError):  # no cgroup v2, or "max": no limit
        return sys.maxsize
