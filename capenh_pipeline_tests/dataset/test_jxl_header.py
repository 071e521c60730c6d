import struct

import pytest

from capenh_pipeline.dataset.jxl_header import is_jxl, jxl_size

LATER = bytes(40)  # what comes behind the header
SIGNATURE = b"\0\0\0\x0cJXL \r\n\x87\n"


def codestream(*fields):
    """Return a codestream that begins with these fields: (value, bits), the lowest bit first."""
    bits = "".join(f"{value:0{count}b}"[::-1] for value, count in fields)
    bits += "0" * (-len(bits) % 8)
    data = bytes(int(bits[at : at + 8][::-1], 2) for at in range(0, len(bits), 8))
    return b"\xff\x0a" + data + LATER


def box(kind, content, *, is_long=False):
    if is_long:
        return struct.pack(">I4sQ", 1, kind, len(content) + 16) + content
    return struct.pack(">I4s", len(content) + 8, kind) + content


PLAIN = (1, 1)  # all else is as usual: upright
# 1000 x 700: not small, 10 more bits fit into 13 (selector 1), no ratio
LARGE = [(0, 1), (1, 2), (699, 13), (0, 3), (1, 2), (999, 13)]


@pytest.mark.parametrize(
    ("fields", "size"),
    [
        ([*LARGE, PLAIN], (1000, 700)),
        ([(1, 1), (4, 5), (0, 3), (31, 5), PLAIN], (256, 40)),
        ([(1, 1), (0, 5), (1, 3), PLAIN], (8, 8)),
        ([(0, 1), (0, 2), (89, 9), (5, 3), PLAIN], (160, 90)),
        ([(0, 1), (0, 2), (90, 9), (5, 3), PLAIN], (161, 91)),  # 91 * 16 / 9 = 161.8
        ([(0, 1), (0, 2), (0, 9), (7, 3), PLAIN], (2, 1)),
        ([(0, 1), (3, 2), (2**30 - 1, 30), (1, 3), PLAIN], (2**30, 2**30)),
        ([*LARGE, (0, 1), (0, 1)], (1000, 700)),
        ([*LARGE, (0, 1), (1, 1), (3, 3)], (1000, 700)),  # orientation 4: upside down
        ([*LARGE, (0, 1), (1, 1), (4, 3)], (700, 1000)),  # orientation 5: on its side
        ([*LARGE, (0, 1), (1, 1), (7, 3)], (700, 1000)),
    ],
)
def test_the_size_is_in_the_first_bits(fields, size):
    content = codestream(*fields)

    assert is_jxl(content)
    assert jxl_size(content) == size


def test_the_codestream_may_stand_in_boxes_whole_or_in_parts():
    content = codestream(*LARGE, PLAIN)
    first, rest = bytes(4) + content[:5], b"\0\0\0\1" + content[5:]
    parts = box(b"jxlp", first) + box(b"Exif", LATER) + box(b"jxlp", rest)

    for boxes in [
        box(b"ftyp", LATER) + box(b"jxlc", content),
        box(b"jxlc", content, is_long=True),
        parts,
        parts + struct.pack(">I4s", 0, b"jxlp") + rest,  # the last box reaches to the end
    ]:
        assert is_jxl(SIGNATURE + boxes)
        assert jxl_size(SIGNATURE + boxes) == (1000, 700)


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\x0a",
        b"\xff\x0a\x00",
        SIGNATURE,
        SIGNATURE + box(b"ftyp", LATER),
        SIGNATURE + box(b"jxlc", b""),
        SIGNATURE + box(b"jxlp", b"\0\0\0\0\xff\x0a"),
        SIGNATURE + b"\0\0\0\1jxlc\0\0\0\0\0\0\0\0" * 3,  # a box that is smaller than its header
        SIGNATURE + b"\0\0\0\2free" * 3,
    ],
)
def test_a_header_that_is_not_there_is_an_error(content):
    with pytest.raises((ValueError, EOFError), match=r"truncated|no codestream"):
        jxl_size(content)


def test_other_files_are_not_taken_for_jpeg_xl():
    assert not is_jxl(b"\xff\xd8\xff\xe0")
    assert not is_jxl(b"")
