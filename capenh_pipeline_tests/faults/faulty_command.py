"""The whole command with one system call on its dataset failing; `python -m … FOLDER CASES`.

A line on the standard output tells what went wrong in a way in which it must not; the last two
are how many calls there are that change something, without Dagster's database and with it. CASES
of each fail, spread over all.
"""

import errno
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import cycle
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from capenh_pipeline_tests.faults.dataset import Dataset
from capenh_pipeline_tests.faults.faulty_disk import FaultyDisk
from capenh_pipeline_tests.faults.plain_readers import torn_parts
from capenh_pipeline_tests.processes import PATIENCE_S

ERRORS = (errno.EIO, errno.ENOSPC, errno.EACCES)
IMAGES = 3
SENTENCE = re.compile(r"capenh: [^\n]+\.")


@dataclass(frozen=True)
class Fault:
    """A call that fails, 0 is none.

    Attributes:
        call: which, of those in the dataset and its store that change something.
        error_number: what it fails with.
        home: where Dagster's database is, if that is to be left alone.
    """

    call: int
    error_number: int
    home: Path | None


@contextmanager
def failing(folder: Path, fault: Fault, report: Path) -> Iterator[None]:
    """Let a call of this process fail, and report how many there were and what has failed."""
    if fault.home:
        os.environ["DAGSTER_HOME"] = str(fault.home)
    disk = FaultyDisk(folder)
    disk.arm(fault.call, fault.error_number, only_changes=True)
    try:
        yield
    finally:
        report.write_text(f"{disk.calls()} {disk.failed()}")


def run_failing(folder: Path, fault: Fault) -> tuple[list[str], str]:
    """Run while a call fails, then without; return what is wrong, and the report."""
    dataset, report = Dataset(folder, images=IMAGES), folder.with_suffix(".report")
    process = dataset.begin(around=partial(failing, folder, fault, report))
    wrong = wrong_after(process, dataset, mend=lambda: None)
    return wrong, report.read_text()


def wrong_after(
    process: ForkServerProcess, dataset: Dataset, *, mend: Callable[[], object]
) -> list[str]:
    """Wait for a run on a bad disk, and for one on the mended disk; return what is wrong then."""
    process.join(PATIENCE_S)
    wrong = _wrong_with(process.exitcode, dataset.said.read_text())
    rows = dataset.rows()
    wrong += torn_parts(dataset.folder)
    mend()
    dataset.finish("--retry_failed")
    wrong += [f"a row is gone: {row}" for row in rows - dataset.rows()]
    if dataset.content() != dataset.wanted_content():
        wrong.append("the next run ends with other content")
    return wrong


def _wrong_with(code: int | None, said: str) -> list[str]:
    last = said.splitlines()[-1] if said else ""
    if "Traceback" in said or (code == 2 and not SENTENCE.fullmatch(last)):
        return [f"it ended with {code} and said {said}"]
    return [] if code in (0, 1, 2) else [f"it ended with {code}"]


def try_all(folder: Path, home: Path | None, cases: int) -> int:
    """Say what is wrong in each case, and return how many calls there are."""
    calls = int(run_failing(folder / "whole", Fault(0, 0, home))[1].split()[0])
    for number, error_number in zip(range(cases), cycle(ERRORS), strict=False):
        fault = Fault(1 + number * calls // cases, error_number, home)
        wrong, report = run_failing(folder / str(number), fault)
        for complaint in wrong:
            sys.stdout.write(f"{report}: {errno.errorcode[error_number]}: {complaint}\n")
        shutil.rmtree(folder / str(number))
    return calls


def main(folder: Path, cases: int) -> None:
    calls = [try_all(folder / "1", folder / "home", cases), try_all(folder / "2", None, cases)]
    sys.stdout.write("".join(f"{number}\n" for number in calls))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
