"""Images read in a process of their own: one that ends it costs nothing but itself."""

import hashlib
import os
import signal
import subprocess
from contextlib import closing

import pytest

from capenh_pipeline.dataset.image_process import ImageProcess
from capenh_pipeline.errors import ConfigurationError, RowError
from capenh_pipeline_tests.fakes.fragile_decoder import DEADLY
from capenh_pipeline_tests.images import colour


@pytest.fixture
def process():
    with closing(ImageProcess()) as started:
        yield started


def load(process, path, **arguments):
    image_hash = hashlib.sha256(path.read_bytes()).hexdigest()
    return process.load_image(path, image_hash=image_hash, timeout_s=60, **arguments)


def test_an_image_is_what_it_is_when_it_is_read_here(process, tmp_path):
    image = load(process, colour(tmp_path / "a.png", (1, 2, 3)))
    assert (image.mode, image.size, image.getpixel((5, 5))) == ("RGB", (16, 16), (1, 2, 3))


def test_what_is_wrong_with_a_file_is_said_as_ever(process, tmp_path):
    (tmp_path / "a.png").write_text("no image")
    with pytest.raises(RowError) as caught:
        load(process, tmp_path / "a.png")
    assert caught.value.kind == "undecodable"


def test_an_image_that_ends_its_process_fails_alone(fragile_decoder, process, tmp_path):
    with pytest.raises(RowError, match=r"\(7\)") as caught:
        load(process, colour(tmp_path / "y.png", DEADLY))
    assert caught.value.kind == "crashed"
    assert load(process, colour(tmp_path / "a.png", (1, 2, 3))).getpixel((0, 0)) == (1, 2, 3)


def test_a_process_that_somebody_kills_is_replaced(process, tmp_path):
    path = colour(tmp_path / "a.png", (1, 2, 3))
    load(process, path)
    os.kill(process._running[0].pid, signal.SIGKILL)
    assert load(process, path).getpixel((0, 0)) == (1, 2, 3)


def test_a_process_ends_with_who_asked_it(tmp_path):
    process = ImageProcess()
    load(process, colour(tmp_path / "a.png", (1, 2, 3)))
    pid = process._running[0].pid
    process.close()
    assert subprocess.run(["ps", "-p", str(pid)], capture_output=True, check=False).returncode  # noqa: S603, S607


def test_a_file_of_the_working_folder_is_not_taken_for_a_library(process, tmp_path, monkeypatch):
    (tmp_path / "random.py").write_text("raise SystemExit('this must not run')")
    monkeypatch.chdir(tmp_path)
    assert load(process, colour(tmp_path / "a.png", (1, 2, 3))).getpixel((0, 0)) == (1, 2, 3)


def test_a_process_that_cannot_start_is_no_fault_of_an_image(process, tmp_path, monkeypatch):
    (tmp_path / "sitecustomize.py").write_text("import os\nos._exit(9)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(ConfigurationError, match=r"--isolate_images: .* cannot be started \(9\)"):
        load(process, colour(tmp_path / "a.png", (1, 2, 3)))


def test_a_limit_of_a_hundred_years_is_none(process, tmp_path):
    path = colour(tmp_path / "a.png", (1, 2, 3))
    image_hash = hashlib.sha256(path.read_bytes()).hexdigest()
    assert process.load_image(path, image_hash=image_hash, timeout_s=3e9).size == (16, 16)
