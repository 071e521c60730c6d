"""The optimisation both trainings share, and what they say of it while they run."""

import argparse
import logging
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_LOGGER = logging.getLogger(__name__)
_LAST_RATE = 0.02  # of the peak rate
_GRADIENT_NORM = 1.0
_LOG_EVERY = 100
_SMOOTHING = 0.97


@dataclass(frozen=True)
class Schedule:
    """A fixed number of steps: the rate climbs to its peak, then falls as a cosine does."""

    steps: int
    warmup_steps: int
    peak_rate: float

    def rate(self, step: int) -> float:
        """Return the learning rate of `step`, counted from 0."""
        climb = min(1.0, (step + 1) / self.warmup_steps)
        fall = 0.5 * (1 + math.cos(math.pi * min(1.0, step / self.steps)))
        return self.peak_rate * climb * (_LAST_RATE + (1 - _LAST_RATE) * fall)


class Descent:
    """AdamW along a schedule, with clipped gradients; logs a smoothed loss now and then."""

    def __init__(self, parameters: Iterable[Any], schedule: Schedule, *, beta2: float) -> None:
        import torch

        self._parameters = list(parameters)
        self._schedule = schedule
        self._optimizer = torch.optim.AdamW(
            self._parameters, lr=schedule.peak_rate, betas=(0.9, beta2), weight_decay=0.02
        )
        self._step = 0
        self.smoothed_loss = math.inf

    def take(self, loss: Any) -> None:
        """Take one step down `loss`."""
        import torch

        for group in self._optimizer.param_groups:
            group["lr"] = self._schedule.rate(self._step)
        self._optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self._parameters, _GRADIENT_NORM)
        self._optimizer.step()
        self._step += 1
        self._note(loss.item())

    def forget_loss(self) -> None:
        """Start the smoothed loss afresh, because another loss follows."""
        self.smoothed_loss = math.inf

    def _note(self, loss: float) -> None:
        known = loss if math.isinf(self.smoothed_loss) else self.smoothed_loss
        self.smoothed_loss = _SMOOTHING * known + (1 - _SMOOTHING) * loss
        if self._step % _LOG_EVERY == 0:
            _LOGGER.info("step %d: loss %.4f", self._step, self.smoothed_loss)


def training_options(description: str | None, *, steps: int) -> argparse.Namespace:
    """Read `--out` and `--steps` from the command line of a training, and make it log."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--out", type=Path, required=True, help="folder for the trained model")
    parser.add_argument("--steps", type=int, default=steps, help="default: %(default)s")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    return parser.parse_args()


def prepare_torch(seed: int) -> None:
    """Compute on one thread, from `seed`: small operators lose time on more threads."""
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(seed)
