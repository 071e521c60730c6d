"""The whole command with its store on disks that take no more; `python -m … DISK`.

Each line on the standard output is a disk, how the command ended on it, and what it said at last or
did wrong.
"""

import shutil
import subprocess
import sys
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from capenh_pipeline_tests.faults.dataset import Dataset
from capenh_pipeline_tests.faults.faulty_command import wrong_after
from capenh_pipeline_tests.faults.small_disks import remount
from capenh_pipeline_tests.processes import wait_until

LARGE = "size=100m,nr_inodes=10k"
SMALL = [
    *(f"size={size}k" for size in range(50, 1000, 100)),
    *(f"nr_inodes={inodes}" for inodes in range(5, 70, 10)),
]
IMAGES = 6


def overflow(disk: Path, options: str) -> None:
    """Run on an empty disk with these options, and go on with a large one."""
    for path in disk.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    remount(disk, f"{LARGE},{options}")
    dataset = Dataset(disk.parent, images=IMAGES)
    report(options, dataset, dataset.begin(), mended=(disk, LARGE))


def turn_read_only(disk: Path) -> None:
    """Let the folder of a table turn read-only once it holds a row.

    The whole disk cannot while the command holds a file open for writing, that of its lock.
    """
    remount(disk, LARGE)
    table = disk / "combined_captions"
    shutil.rmtree(table)
    table.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "none", table], check=True)  # noqa: S603, S607
    dataset = Dataset(disk.parent, images=4 * IMAGES)
    process = dataset.begin("--retry_failed")

    def is_read_only() -> bool:
        command = ["mount", "-o", "remount,ro", table]  # fails while a part is being written
        return (
            any(table.rglob("part-*"))
            and subprocess.run(command, check=False, capture_output=True).returncode == 0  # noqa: S603
        )

    wait_until(is_read_only)
    report("read-only", dataset, process, mended=(table, "rw"))


def report(
    what: str, dataset: Dataset, process: ForkServerProcess, *, mended: tuple[Path, str]
) -> None:
    last = ""

    def mend() -> None:
        nonlocal last
        last = dataset.said.read_text().splitlines()[-1]
        remount(*mended)

    wrong = wrong_after(process, dataset, mend=mend)
    sys.stdout.write(f"{what}\t{process.exitcode}\t{wrong or last}\n")


if __name__ == "__main__":
    for small in SMALL:
        overflow(Path(sys.argv[1]), small)
    turn_read_only(Path(sys.argv[1]))
