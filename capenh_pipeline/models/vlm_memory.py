"""The memory that a VLM works in."""

import gc
import math
import re
from pathlib import Path
from typing import Any

_OF_CUDA = re.compile(r"CUDA error: out of memory|(CUBLAS|CUDNN)_STATUS_ALLOC_FAILED")

MOST_SHARE = 0.85
"""Of the memory: batches grow only while they are expected to stay below it."""


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether a smaller batch could do what raised `error`."""
    from accelerate.utils.memory import should_reduce_batch_size

    if isinstance(error, MemoryError):
        return True
    if not isinstance(error, RuntimeError):
        return False
    return should_reduce_batch_size(error) or bool(_OF_CUDA.search(str(error)))


def is_device_lost(error: BaseException) -> bool:
    """Return whether `error` leaves the GPU of no use to this process (CUDA's sticky errors)."""
    return "CUDA error" in str(error) and not is_out_of_memory(error)


def free_device_memory() -> None:
    """Give back what torch keeps for later."""
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


class MemoryGauge:
    """Tells whether batches twice as large would fit, by what batches took so far.

    On CUDA that is the peak of torch's allocator over the weights; on a CPU, where a process that
    takes too much is killed, what the process has grown by since the gauge was made.
    """

    def __init__(self, device: Any) -> None:
        self._device = device
        self._before = self._used()

    def has_room_for_double(self) -> bool:
        """Return whether batches twice as large are expected to fit."""
        used = self._used()
        return used + (used - self._before) <= MOST_SHARE * (used + self._free())

    def _used(self) -> int:
        if self._device.type == "cuda":
            import torch

            return torch.cuda.max_memory_allocated(self._device)
        import psutil

        return psutil.Process().memory_info().rss

    def _free(self) -> float:
        if self._device.type == "cuda":
            import torch

            free, total = torch.cuda.mem_get_info(self._device)
            idle = torch.cuda.memory_reserved(self._device) - self._used()
            return min(free + idle, total)
        import psutil

        return min(psutil.virtual_memory().available, _container_room())


def _container_room(folder: Path = Path("/sys/fs/cgroup")) -> float:
    """Return the bytes that a container may still take (cgroup v2); infinite without a limit."""
    try:
        return int((folder / "memory.max").read_text()) - int(
            (folder / "memory.current").read_text()
        )
    except (OSError, ValueError):  # no cgroup v2, or "max"
        return math.inf
