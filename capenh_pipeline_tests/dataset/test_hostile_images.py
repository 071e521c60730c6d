"""Files that were made to do harm, read in a process of its own."""

import json
import subprocess
import sys

import pytest

from capenh_pipeline_tests.dataset.hostile import NOT_IMAGES, hostile_files

MOST_BYTES = 150_000_000
"""What reading all of them may add to the memory of the process."""


@pytest.fixture(scope="module")
def reading(tmp_path_factory):
    """Read the whole corpus, and return what is to be seen of it."""
    folder = tmp_path_factory.mktemp("hostile")
    for name, content in hostile_files():
        (folder / name).write_bytes(content)
    done = subprocess.run(  # noqa: S603  # this very interpreter
        [sys.executable, "-W", "always", "-m", "capenh_pipeline_tests.dataset.reader", folder],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")  # no crash, no warning, no traceback
    return json.loads(done.stdout)
