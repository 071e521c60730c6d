"""Where a VLM runs, and in which number format."""

import re
from typing import Any

from capenh_pipeline.errors import ConfigurationError

_DEVICE = re.compile(r"cpu|mps|cuda(:\d+)?")


def choose_device(asked: str) -> str:
    """Return the device to use; `auto` is the first there is of CUDA, MPS and CPU.

    Raises:
        ConfigurationError: torch does not see the device that was asked for.
    """
    if asked == "auto":
        return next(device for device in ("cuda", "mps", "cpu") if _count(device))
    if not _DEVICE.fullmatch(asked):
        raise ConfigurationError(f"--device is {asked!r}; it is auto, cpu, cuda, cuda:1 or mps.")
    kind, _, index = asked.partition(":")
    count = _count(kind)
    if int(index or 0) >= count:
        raise ConfigurationError(
            f"{asked} was asked for as --device, but torch sees {count or 'no'} {kind} device"
            f"{'s' if count > 1 else ''}."
        )
    return asked


def choose_dtype(asked: str, device: str) -> Any:
    """Return the torch dtype of the weights; `auto` is the fast format that keeps captions good.

    That is bfloat16 on CUDA where the card computes in it, else float16 on a GPU, and float32 on
    a CPU, where the half formats are slow or miss operators; half weights are widened there.
    """
    import torch

    if asked != "auto":
        return getattr(torch, asked)
    if device.startswith("cuda"):
        has_bfloat16 = torch.cuda.is_bf16_supported(including_emulation=False)
        return torch.bfloat16 if has_bfloat16 else torch.float16
    return torch.float16 if device == "mps" else torch.float32


def every_gpu() -> list[str]:
    """Return the name of each CUDA device that torch sees."""
    return [f"cuda:{index}" for index in range(_count("cuda"))]


def _count(kind: str) -> int:
    import torch

    if kind == "cuda":
        return torch.cuda.device_count() if torch.cuda.is_available() else 0
    if kind == "mps":
        return int(torch.backends.mps.is_available())
    return 1
