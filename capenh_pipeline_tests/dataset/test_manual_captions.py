import hashlib
import os
from pathlib import Path

import pytest

from capenh_pipeline.dataset.manual_captions import MOST_BYTES, CaptionFacts, inspect_caption


@pytest.fixture
def caption(tmp_path):
    return tmp_path / "dog.txt"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"sks dog\n", "sks dog"),
        (b"\xef\xbb\xbfsks dog", "sks dog"),
        ("\u00a0 ein Hündchen, 犬 \r\n".encode(), "ein Hündchen, 犬"),
        (b"two\r\nlines\rthree", "two\nlines\nthree"),
        (b"a\ttab", "a\ttab"),
        (b"a\x00b\x1b[0m\x7f", "ab[0m"),
        (b"", None),
        (b" \n\t\x00\n", None),
        (b"\xef\xbb\xbf", None),
    ],
)
def test_the_text_is_as_its_author_wrote_it_without_what_no_prompt_can_hold(
    caption, content, expected
):
    caption.write_bytes(content)

    assert inspect_caption(caption).caption == expected
    assert inspect_caption(caption).text_hash == hashlib.sha256(content).hexdigest()


def test_no_file_is_no_caption(caption):
    assert inspect_caption(caption) == CaptionFacts()


def test_a_name_that_is_too_long_to_exist_is_no_caption(tmp_path):
    assert inspect_caption(tmp_path / f"{'n' * 300}.txt") == CaptionFacts()


@pytest.mark.parametrize("content", [b"caf\xe9", "sks dog".encode("utf-16")])
def test_a_file_that_is_not_utf8_is_named_with_what_to_do(caption, content):
    caption.write_bytes(content)

    facts = inspect_caption(caption)

    assert facts.error == "dog.txt is not UTF-8; save it as UTF-8."
    assert (facts.caption, facts.error_kind) == (None, "manual_caption_not_utf8")
    assert facts.text_hash  # the same bytes need not be read again


def test_a_file_that_cannot_be_read_is_a_failure_not_a_missing_caption(caption):
    caption.mkdir()

    facts = inspect_caption(caption)

    assert facts.error == "dog.txt cannot be read: Is a directory."
    assert (facts.text_hash, facts.error_kind) == (None, "manual_caption_unreadable")


def test_the_message_can_be_printed_whatever_the_name_of_the_file(tmp_path):
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.txt"))
    path.write_bytes(b"\xff")

    assert "caf\\xe9.txt" in inspect_caption(path).error


@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_what_is_no_file_is_not_waited_for(tmp_path, kind):
    path = tmp_path / "a.txt"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        path.mkdir()
    assert inspect_caption(path).error_kind == "manual_caption_unreadable"


@pytest.mark.parametrize("size", [MOST_BYTES + 1, 1 << 40])
def test_a_file_that_is_too_large_is_no_caption(tmp_path, size):
    with (tmp_path / "a.txt").open("wb") as file:
        file.truncate(size)
    facts = inspect_caption(tmp_path / "a.txt")
    assert (facts.text_hash, facts.error_kind) == (None, "manual_caption_too_large")
    assert facts.error == "a.txt is larger than 64 kB, so it is no caption; rename or shorten it."
