import hashlib
import os
import tracemalloc

import pytest
from PIL import Image

from capenh_pipeline.dataset.decoders import FORMATS
from capenh_pipeline.dataset.images import (
    MAX_FILE_BYTES,
    ImageFacts,
    inspect_image,
    load_image,
)
from capenh_pipeline.errors import RowError
from capenh_pipeline_tests.dataset.hostile import jpeg
from capenh_pipeline_tests.dataset.pictures import (
    BLUE,
    RED,
    failure_of,
    load,
    rows_of,
    save,
)


@pytest.mark.parametrize("image_format", FORMATS)
def test_the_facts_are_those_of_the_content_whatever_the_name_says(tmp_path, image_format):
    path = save(tmp_path / "a.jpg", Image.new("RGB", (30, 20)), format=image_format)
    content = path.read_bytes()

    assert inspect_image(path) == ImageFacts(
        image_hash=hashlib.sha256(content).hexdigest(),
        size_bytes=len(content),
        width=30,
        height=20,
        format=image_format,
    )


def test_a_jpeg_of_several_pictures_counts_as_jpeg(tmp_path):
    pictures = [Image.new("RGB", (30, 20), RED), Image.new("RGB", (30, 20), BLUE)]
    path = save(
        tmp_path / "a.jpg", pictures[0], format="MPO", save_all=True, append_images=pictures[1:]
    )

    assert inspect_image(path).format == "JPEG"
    assert rows_of(load(path))[0][0] == (254, 0, 0)  # red through JPEG's colour space


# What becomes of a file between the scan, which hashes it, and the run, which decodes it.
def overwritten(path):
    save(path, Image.new("RGB", (8, 8), BLUE))


def cut_off(path):
    path.write_bytes(path.read_bytes()[:-1])


def removed(path):
    path.unlink()


def made_a_pipe(path):
    path.unlink()
    os.mkfifo(path)


def made_a_folder(path):
    path.unlink()
    path.mkdir()


def linked_to_another_image(path):
    path.unlink()
    path.symlink_to(save(path.with_name("other.png"), Image.new("RGB", (8, 8), BLUE)))


def linked_to_nothing(path):
    path.unlink()
    path.symlink_to("nothing")


def linked_to_itself(path):
    path.unlink()
    path.symlink_to(path.name)


def linked_to_a_pipe(path):
    made_a_pipe(path)
    path.rename(path.with_name("pipe"))
    path.symlink_to("pipe")


def linked_to_a_device(path):
    path.unlink()
    path.symlink_to("/dev/zero")


def locked(path):
    path.chmod(0)


@pytest.mark.parametrize(
    ("change", "kind", "says"),
    [
        (overwritten, "changed", "The file has changed since it was listed; run again."),
        (cut_off, "changed", "has changed"),
        (linked_to_another_image, "changed", "has changed"),
        (removed, "unreadable", "No such file or directory"),
        (linked_to_nothing, "unreadable", "No such file or directory"),
        (linked_to_itself, "unreadable", "Too many levels of symbolic links"),
        (made_a_folder, "unreadable", "Is a directory"),
        (made_a_pipe, "unreadable", "it is no regular file"),
        (linked_to_a_pipe, "unreadable", "it is no regular file"),
        (linked_to_a_device, "unreadable", "it is no regular file"),
        (locked, "unreadable", "Permission denied"),
    ],
)
def test_a_file_that_is_not_what_it_was_is_a_failure(ordinary_user, change, kind, says):
    path = save(ordinary_user / "a.png", Image.new("RGB", (8, 8), RED))
    image_hash = inspect_image(path).image_hash

    change(path)

    with pytest.raises(RowError, match=says) as failure:
        load_image(path, image_hash=image_hash)
    assert failure.value.kind == kind


def test_a_link_to_the_same_bytes_is_the_same_image(tmp_path):
    path = save(tmp_path / "a.png", Image.new("RGB", (8, 8), RED))
    image_hash = inspect_image(path).image_hash
    path.rename(tmp_path / "b.png")
    path.symlink_to("b.png")

    image = load_image(path, image_hash=image_hash)

    assert rows_of(image) == [[RED] * 8] * 8


def test_a_pipe_or_an_endless_device_is_inspected_without_waiting(tmp_path):
    path = tmp_path / "a.png"
    for change in (made_a_pipe, linked_to_a_device):
        path.write_bytes(b"")
        change(path)
        facts = inspect_image(path)
        assert (facts.image_hash, facts.error_kind) == (None, "unreadable")
        path.unlink()


def test_a_file_that_is_too_large_to_be_an_image_is_not_read(tmp_path):
    path = tmp_path / "a.png"
    with path.open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)  # takes no space

    facts = inspect_image(path)

    assert (facts.image_hash, facts.error_kind) == (None, "too_large")
    assert facts.error == "The file cannot be read: it is larger than 1500000000 bytes."


def test_a_header_that_takes_too_long_is_a_failure_with_the_hash_of_its_file(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(jpeg(8, 8, scans=1, before=b"\xff" * 500_000))  # a tenth of a second

    facts = inspect_image(path, timeout_s=1e-6)

    assert facts.image_hash == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (facts.error_kind, facts.width) == ("timeout", None)
    assert facts.error == "Reading the image took more than 1e-06 seconds."


def test_failures_that_are_kept_do_not_keep_the_bytes_of_their_files(tmp_path):
    path = tmp_path / "a.png"
    Image.effect_noise((1500, 1500), 60).save(path)
    path.write_bytes(path.read_bytes()[:2_000_000])

    failure_of(path)
    tracemalloc.start()
    kept = [failure_of(path) for _ in range(5)]
    held_bytes, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert {failure.kind for failure in kept} == {"truncated"}
    assert held_bytes < 1_000_000


@pytest.mark.parametrize("image_format", ["JPEG", "MPO", "PNG", "WEBP", "TIFF", "BMP", "AVIF"])
def test_images_that_are_kept_do_not_keep_the_bytes_of_their_files(tmp_path, image_format):
    path = tmp_path / "a"
    noise = Image.effect_noise((300, 300), 60).convert("RGB")
    save(path, noise, format=image_format, quality=100, lossless=True)

    load(path)
    tracemalloc.start()
    kept = [load(path) for _ in range(5)]
    held_bytes, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert held_bytes < len(kept) * path.stat().st_size / 2
