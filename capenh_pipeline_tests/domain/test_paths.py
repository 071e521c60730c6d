from pathlib import Path

import pytest

from capenh_pipeline.domain.paths import (
    encode_path,
    one_line,
    path_hash,
    raw_path,
    stored_path,
    system_path,
)


@pytest.mark.parametrize(
    ("content", "columns"),
    [
        (b"sub/a.jpg", ("sub/a.jpg", None)),
        ("é\n.jpg".encode(), ("é\n.jpg", None)),
        (b"caf\xe9.jpg", ("caf\\xe9.jpg", b"caf\xe9.jpg")),
        (b"\xed\xa0\x80.jpg", ("\\xed\\xa0\\x80.jpg", b"\xed\xa0\x80.jpg")),
    ],
)
def test_a_path_comes_back_from_its_columns_byte_for_byte(content, columns):
    assert stored_path(content) == columns
    assert encode_path(raw_path(*columns)) == content


def test_a_raw_path_can_be_cut_and_joined_and_still_names_the_file(tmp_path):
    raw = raw_path("caf\\xe9.jpg", b"caf\xe9.jpg").removesuffix(".jpg") + "_combined.txt"

    system_path(tmp_path, raw).write_text("a cup")

    assert [bytes(file.name, "utf-8", "surrogateescape") for file in tmp_path.iterdir()] == [
        b"caf\xe9_combined.txt"
    ]


def test_the_hash_of_a_path_is_that_of_its_bytes_whatever_form_is_printed():
    # sha256sum of "abc", and of the one byte ff
    assert path_hash("abc", None).startswith("ba7816bf")
    assert path_hash("\\xff", b"\xff").startswith("a8100ae6")


def test_a_system_path_is_below_the_root():
    assert system_path(Path("/data"), "sub/a.jpg") == Path("/data/sub/a.jpg")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a b.png", "a b.png"),
        ("Ünï/名前/💥.png", "Ünï/名前/💥.png"),
        ("new\nline\r\t.png", "new\\nline\\r\\t.png"),
        ("\x1b[2J\x9b\x7f.png", "\\x1b[2J\\x9b\\x7f.png"),
        ("\u202egnp.\u2028\u2066", "\\u202egnp.\\u2028\\u2066"),
    ],
)
def test_a_path_is_shown_on_one_line_and_steers_no_terminal(text, shown):
    assert one_line(text) == shown
