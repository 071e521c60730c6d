"""The whole command with one system call on its dataset failing; `python -m … FOLDER CASES`.

A line on the standard output tells what went wrong in a way in which it must not; the last one is
how many calls there are that change something. CASES of them fail, spread over all.
"""

import errno
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import cycle
from pathlib import Path

from capenh_pipeline_tests.faults.dataset import Dataset
from capenh_pipeline_tests.faults.faulty_disk import FaultyDisk
from capenh_pipeline_tests.faults.plain_readers import torn_parts
from capenh_pipeline_tests.processes import PATIENCE_S

ERRORS = (errno.EIO, errno.ENOSPC, errno.EACCES)
IMAGES = 3
SENTENCE = re.compile(r"capenh: [^\n]+\.")


@contextmanager
def failing(folder: Path, call: int, error_number: int, report: Path) -> Iterator[None]:
    """Let a call of this process fail, and report how many there were and what has failed."""
    disk = FaultyDisk(folder)
    disk.arm(call, error_number, only_changes=True)
    try:
        yield
    finally:
        report.write_text(f"{disk.calls()} {disk.failed()}")


def run_failing(folder: Path, call: int, error_number: int) -> tuple[list[str], str]:
    """Run while a call fails, then without; return what is wrong, and the report."""
    dataset, report = Dataset(folder, images=IMAGES), folder.with_suffix(".report")
    process = dataset.begin(around=partial(failing, folder, call, error_number, report))
    process.join(PATIENCE_S)
    wrong = _wrong_with(process.exitcode, dataset.said.read_text())
    rows = dataset.rows()
    wrong += torn_parts(dataset.folder)
    dataset.finish("--retry_failed")
    wrong += [f"a row is gone: {row}" for row in rows - dataset.rows()]
    if dataset.content() != dataset.wanted_content():
        wrong.append("the next run ends with other content")
    return wrong, report.read_text()


def _wrong_with(code: int | None, said: str) -> list[str]:
    last = said.splitlines()[-1] if said else ""
    if "Traceback" in said or (code == 2 and not SENTENCE.fullmatch(last)):
        return [f"it ended with {code} and said {said}"]
    return [] if code in (0, 1, 2) else [f"it ended with {code}"]


def main(folder: Path, cases: int) -> None:
    _, report = run_failing(folder / "whole", 0, 0)
    calls = int(report.split()[0])
    for number, error_number in zip(range(cases), cycle(ERRORS), strict=False):
        call = 1 + number * calls // cases
        wrong, report = run_failing(folder / str(call), call, error_number)
        for complaint in wrong:
            sys.stdout.write(f"{report}: {errno.errorcode[error_number]}: {complaint}\n")
            sys.stdout.flush()
        shutil.rmtree(folder / str(call))
    sys.stdout.write(f"{calls}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
