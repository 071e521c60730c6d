"""Token rows of different lengths as one tensor."""

from collections.abc import Sequence
from typing import Any


def padded(rows: Sequence[Sequence[int]], filler: int) -> Any:
    """Return `rows` as one integer tensor, each filled up at its end with `filler`."""
    import torch

    length = max(map(len, rows))
    return torch.tensor([[*row, *[filler] * (length - len(row))] for row in rows])
