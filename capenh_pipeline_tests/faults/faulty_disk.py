"""A disk whose k-th system call fails: `faulty_disk.c` before the C library of a child process."""

import ctypes
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
SOURCE = Path(__file__).with_suffix(".c")


def run_with_faulty_disk(module: str, *words: object, library_folder: Path) -> str:
    """Run a module of ours whose process can arm a `FaultyDisk`; return what it prints.

    Args:
        module: its name.
        words: its arguments.
        library_folder: where the library is compiled to.
    """
    compiler = shutil.which("cc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("needs Linux and a C compiler")
    library = library_folder / "faulty_disk.so"
    compile_words = [compiler, "-shared", "-fPIC", "-o", str(library), str(SOURCE), "-ldl"]
    subprocess.run(compile_words, check=True)  # noqa: S603  # our own source
    done = subprocess.run(  # noqa: S603  # this very interpreter
        [sys.executable, "-m", module, *map(str, words)],
        cwd=REPOSITORY,
        env={**os.environ, "LD_PRELOAD": str(library)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout


class FaultyDisk:
    """The library in this process; a call is one on a file below `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._library = ctypes.CDLL(os.environ["LD_PRELOAD"])
        self._library.faulty_disk_failed.restype = ctypes.c_char_p

    def arm(self, call: int = 0, error_number: int = 0, *, only_changes: bool = False) -> None:
        """Let the `call`-th call from now on fail, none if that is 0.

        Args:
            call: which, counted from 1.
            error_number: what it fails with.
            only_changes: do not count what only looks at a file or folder.
        """
        self._library.faulty_disk_arm(
            os.fsencode(self._folder),
            ctypes.c_long(call),
            ctypes.c_int(error_number),
            ctypes.c_int(only_changes),
        )

    def calls(self) -> int:
        """How many there were since it was armed."""
        return self._library.faulty_disk_calls()

    def failed(self) -> str:
        """What has failed since then, and on which file; empty if nothing has."""
        return os.fsdecode(self._library.faulty_disk_failed())
