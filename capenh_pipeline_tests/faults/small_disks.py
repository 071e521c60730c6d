"""Disks of a few kilobytes, in a name space of their own, so that nobody else sees them."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
CANNOT_MOUNT = 77


def run_on_disk(module: str, *words: object, folder: Path, options: str) -> str:
    """Mount a tmpfs with `options` on `folder`, run a module of ours and return what it prints.

    Needs the right to mount in a name space of one's own, which Linux gives most users.
    """
    if shutil.which("unshare") is None:
        pytest.skip("there is no unshare command")
    mount = f'mount -t tmpfs -o "$1" none "$2" || exit {CANNOT_MOUNT}; shift 2; exec "$@"'
    command = [sys.executable, "-m", module, *map(str, words)]
    done = subprocess.run(  # noqa: S603  # this very interpreter
        ["unshare", "-rm", "sh", "-c", mount, "sh", options, folder, *command],  # noqa: S607
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == CANNOT_MOUNT or "unshare" in done.stderr:
        pytest.skip("mounting is not allowed")
    assert done.returncode == 0, done.stderr
    return done.stdout


def remount(folder: Path, options: str) -> None:
    """Change the disk on which `folder` is mounted."""
    command = ["mount", "-o", f"remount,{options}", str(folder)]
    subprocess.run(command, check=True)  # noqa: S603  # in a name space of our own
