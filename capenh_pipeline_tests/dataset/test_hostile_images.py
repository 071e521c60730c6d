"""Files that were made to do harm, read in a process of its own."""

import json
import subprocess
import sys

import pytest

from capenh_pipeline_tests.dataset.hostile import NOT_IMAGES, hostile_files, pixel_bombs

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


def test_every_file_is_an_image_or_a_failure_with_a_sentence(reading):
    for name, outcome in reading["loaded"].items():
        kind, message, *_ = reading["facts"][name]
        assert kind in {None, "empty", "not_an_image", "truncated", "too_large"}, name
        failures = [] if kind is None else [message]
        if outcome[0] != "RGB":
            assert outcome[0] in {"undecodable", "truncated", "too_large"}, name
            failures.append(outcome[1])
        for sentence in failures:
            assert sentence.endswith("."), name
            assert " at 0x" not in sentence, name
            assert len(sentence.splitlines()) == 1, name


def test_what_cannot_be_inspected_cannot_be_loaded_and_sizes_agree(reading):
    for name, outcome in reading["loaded"].items():
        kind, _, width, height = reading["facts"][name]
        if outcome[0] == "RGB":
            assert (kind, outcome[1:]) == (None, [width, height]), name


def test_reading_them_takes_little_memory_and_time(reading):
    assert reading["grown_bytes"] < MOST_BYTES
    assert reading["slowest_s"] < 30  # half the limit: nothing comes near it


@pytest.mark.parametrize("name", NOT_IMAGES)
def test_a_file_of_another_kind_is_no_image_whatever_its_name(reading, name):
    assert reading["facts"][name][0] == "not_an_image"
    assert reading["loaded"][name][0] == "undecodable"


def test_pixel_bombs_are_too_large(reading):
    bombs = [name for name, _ in pixel_bombs()]

    assert {reading["facts"][name][0] for name in bombs} == {"too_large"}
    assert {reading["loaded"][name][0] for name in bombs} == {"too_large"}


@pytest.mark.parametrize("name", ["text.png", "text_utf8.png", "texts.png", "profile.png"])
def test_text_that_unpacks_to_hundreds_of_megabytes_is_a_failure(reading, name):
    assert reading["facts"][name][0] == "not_an_image"
    assert reading["loaded"][name][0] == "undecodable"


@pytest.mark.parametrize(
    "name", ["frames.gif", "frames.png", "no_frames.png", "loop.tif", "loop_of_parts.tif"]
)
def test_the_first_of_endless_frames_is_an_image(reading, name):
    assert reading["loaded"][name] == ["RGB", 1, 1]


@pytest.mark.parametrize("name", ["scans.jpg", "baseline_scans.jpg"])
def test_thousands_of_scans_are_a_failure(reading, name):
    assert reading["loaded"][name][1] == "The image cannot be decoded: it has more than 100 scans."


def test_images_of_no_size_are_no_images(reading):
    sizes = ("0x0.", "0x1.", "1x0.")
    kinds = [found[0] for name, found in reading["facts"].items() if name.startswith(sizes)]

    assert len(kinds) == 15
    assert set(kinds) <= {"not_an_image", "truncated"}


@pytest.mark.parametrize("image_format", ["jpeg", "png", "webp", "bmp", "gif", "tiff", "avif"])
def test_no_part_of_an_image_is_taken_for_the_whole(reading, image_format):
    cut = [
        outcome[0]
        for name, outcome in reading["loaded"].items()
        if name.startswith("cut_") and name.endswith(f".{image_format}")
    ]

    assert len(cut) == 16
    assert set(cut) <= {"undecodable", "truncated"}
