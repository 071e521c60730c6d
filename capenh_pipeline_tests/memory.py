"""A folder for tests that make many small stores."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

_IN_MEMORY = Path("/dev/shm")  # noqa: S108  # looked for, and used with a name of its own


@contextmanager
def memory_folder() -> Iterator[Path]:
    """Yield a new folder, in memory where there is such a place: each fsync takes its time."""
    with TemporaryDirectory(dir=_IN_MEMORY if os.access(_IN_MEMORY, os.W_OK) else None) as name:
        yield Path(name)
