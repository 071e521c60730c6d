import shutil
from pathlib import Path

import pytest

from capenh_pipeline_tests.stored import store_command


@pytest.fixture
def dataset(captioned, tmp_path):
    """Return a copy of the dataset that a module has captioned once."""
    return Path(shutil.copytree(captioned, tmp_path / "images"))


@pytest.fixture
def store(dataset, capfd):
    """Do `capenh store WORDS`; return the exit code, and what was said on both streams."""

    def done(*words, **options):
        capfd.readouterr()
        code = store_command(dataset, *words, **options)
        said = capfd.readouterr()
        return code, said.out, said.err

    return done
