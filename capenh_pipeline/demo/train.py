"""Trains both demo models side by side: `python -m capenh_pipeline.demo.train [--out DIR]`.

Each training is a process with one thread and its own seed, and ends after a fixed number of
steps; on two free cores that is under an hour. Run `python -m capenh_pipeline.demo.evaluate`
afterwards.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from capenh_pipeline.demo.checkpoints import FLORENCE_NAME, MERGE_LLM_NAME, MODELS_FOLDER

COMMAND = "python -m capenh_pipeline.demo.train"
_TRAININGS = {
    FLORENCE_NAME: "capenh_pipeline.demo.train_florence",
    MERGE_LLM_NAME: "capenh_pipeline.demo.train_merge_llm",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Train both models; return 0 when both are saved."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=MODELS_FOLDER, help="default: the package's")
    parser.add_argument("--steps", type=int, help="for each model, instead of its own number")
    options = parser.parse_args(arguments)
    trainings = [
        _start(module, options.out / name, options.steps) for name, module in _TRAININGS.items()
    ]
    codes = [training.wait() for training in trainings]
    return 0 if not any(codes) else 1


def _start(module: str, out: Path, steps: int | None) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", module, "--out", str(out)]
    if steps is not None:
        command += ["--steps", str(steps)]
    one_thread = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, env=one_thread)  # noqa: S603  # our own module


if __name__ == "__main__":
    sys.exit(main())
