"""What the store asks of the disk, in the order in which a power cut does no harm."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
WRITER = """
import sys
from pathlib import Path
from capenh_pipeline.domain.schemas import VLM_CAPTIONS
from capenh_pipeline.tables.store import Store
from capenh_pipeline_tests.tables.samples import captions

table = Store(root=Path(sys.argv[1]), shard_digits=1).table(VLM_CAPTIONS)
table.append(captions("0", {"a": "x"}))
table.append(captions("0", {"a": "y"}))
table.compact(["0"])
"""
TRACED = "?open,openat,write,fsync,?rename,?renameat,?renameat2,?mkdir,mkdirat,?unlink,unlinkat"
A_PART = ["open TEMPORARY", "write TEMPORARY", "fsync TEMPORARY", "rename PART", "fsync shard=0"]


@pytest.fixture
def strace():
    program = shutil.which("strace")
    if program is None:
        pytest.skip("there is no strace command")
    tried = subprocess.run([program, "-qq", "true"], capture_output=True, text=True, check=False)  # noqa: S603
    if tried.returncode:
        pytest.skip(f"strace cannot trace here: {tried.stderr.strip()}")
    return program


def test_a_row_is_acknowledged_when_its_file_and_every_new_name_are_on_disk(strace, tmp_path):
    """Nothing is deleted before what replaces it is on disk under its own name."""
    calls = tmp_path / "calls"
    calls.mkdir()
    options = ["-ff", "-y", "-s0", "-e", f"trace={TRACED}", "-o", calls / "of"]
    store = tmp_path / "new" / "store"
    command = [strace, *options, sys.executable, "-c", WRITER, store]
    subprocess.run(command, cwd=REPOSITORY, check=True)  # noqa: S603  # this very interpreter
    traces = [path.read_text() for path in calls.iterdir()]  # one a thread; ours has all changes
    found = [change for trace in traces for change in changes(trace, below=str(tmp_path))]
    assert found == [
        *("mkdir new", f"fsync {tmp_path.name}"),
        *("mkdir store", "fsync new"),
        *("mkdir vlm_captions", "fsync store"),
        *("mkdir shard=0", "fsync vlm_captions"),
        *A_PART,
        *A_PART,
        *A_PART,
        *("unlink PART", "unlink PART"),
    ]


def changes(trace: str, *, below: str) -> list[str]:
    """Return the calls that succeeded and changed something there, with the last name of each."""
    found = []
    for line in trace.splitlines():
        call = re.match(r"([a-z]+)[a-z0-9]*\((.*)\) += \d", line)
        paths = re.findall(rf"{re.escape(below)}[^\">]*", call[2]) if call else []
        if call and paths and "O_RDONLY" not in call[2]:
            found.append(f"{call[1].removesuffix('at')} {_kind(Path(paths[-1]).name)}")
    return found


def _kind(name: str) -> str:
    if name.startswith(".tmp-"):
        return "TEMPORARY"
    return "PART" if re.fullmatch(r"part-\d+-.+\.parquet", name) else name
