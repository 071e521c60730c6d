import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from capenh_pipeline.demo.answers import Captioner, Merger
from capenh_pipeline.demo.checkpoints import FLORENCE_NAME, MERGE_LLM_NAME
from capenh_pipeline.demo.scenes import MORE_DETAILED


def train(*arguments: str) -> int:
    command = [sys.executable, "-m", "capenh_pipeline.demo.train", *arguments]
    return subprocess.run(command, env=dict(os.environ), check=False).returncode  # noqa: S603  # ours


@pytest.mark.slow
def test_the_training_command_writes_two_models_that_load(tmp_path, torch):
    """Two steps teach nothing; what is checked is that every part runs and saves."""
    assert train("--out", str(tmp_path), "--steps", "2") == 0
    picture = tmp_path / "picture.png"
    Image.new("RGB", (100, 100)).save(picture)
    assert len(Captioner(tmp_path / FLORENCE_NAME).captions([picture], MORE_DETAILED)) == 1
    assert len(Merger(tmp_path / MERGE_LLM_NAME).merged(["anything"])) == 1


def test_a_training_that_fails_makes_the_command_fail(tmp_path: Path):
    taken = tmp_path / "taken"
    taken.write_text("a file, where a folder is needed", encoding="utf-8")
    assert train("--out", str(taken), "--steps", "1") == 1
