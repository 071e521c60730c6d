"""A folder in which not everything may be read, for tests that run as root too."""

import os
import tempfile
from pathlib import Path

import pytest

ORDINARY_USER = 65534


@pytest.fixture
def ordinary_user():
    """Give up root's right to read everything, and yield a folder that anyone may use."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o777)
        is_root = os.geteuid() == 0
        if is_root:
            os.seteuid(ORDINARY_USER)
        try:
            yield folder
        finally:
            if is_root:
                os.seteuid(0)
            for path in folder.rglob("*"):
                if not path.is_symlink():
                    path.chmod(0o755)
