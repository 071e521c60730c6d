"""Files that appear whole or not at all, and stay after a power cut."""

import os
import uuid
from pathlib import Path

TEMPORARY_PREFIX = ".tmp-"


def make_folder(folder: Path) -> None:
    """Create `folder` and its parents; each new one's entry in its parent is on disk afterwards."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    sync_folder(folder.parent)


def write_atomically(path: Path, content: bytes) -> None:
    """Replace the file at `path` with `content`; a reader sees the old bytes or the new ones.

    The order is the one that survives a power cut: write a temporary file in the same
    folder, fsync it, rename it over the target, fsync the folder.

    Raises:
        OSError: the folder is missing, or nothing can be written there; no temporary file is left.
    """
    temporary = path.with_name(f"{TEMPORARY_PREFIX}{uuid.uuid4().hex}")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
