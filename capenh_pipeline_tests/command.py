"""The real command in a real process."""

import os
import subprocess
import sys
from pathlib import Path


def capenh(*words: object, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run `capenh WORDS` in `cwd` to its end, with `variables` in its environment."""
    return subprocess.run(  # noqa: S603  # our own command
        command(*words),
        cwd=cwd,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def started_capenh(*words: object, cwd: Path) -> subprocess.Popen[str]:
    """Start `capenh WORDS` in `cwd`, in a process group of its own, as a shell does."""
    return subprocess.Popen(  # noqa: S603  # our own command
        command(*words),
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def command(*words: object) -> list[str]:
    return [sys.executable, "-m", "capenh_pipeline", *map(str, words)]
