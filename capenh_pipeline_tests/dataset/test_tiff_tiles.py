import struct

import pytest

from capenh_pipeline_tests.dataset.pictures import failure_of, load, raw_tiff, rows_of, tiff

HEAD = [
    (256, 4, 1, 2),  # two pixels wide
    (257, 4, 1, 1),
    (259, 3, 1, 1),  # no compression
]
GREY = [*HEAD, (258, 3, 1, 8), (262, 3, 1, 1), (277, 3, 1, 1)]


def tiled(width, length, pixels):
    tile = [(322, 4, 1, width), (323, 4, 1, length), (325, 4, 1, len(pixels))]
    at = 14 + 12 * (len(GREY) + len(tile) + 1)
    return tiff([*GREY, *tile, (324, 4, 1, at)], tail=pixels)


def test_a_tile_may_be_larger_than_the_picture(tmp_path):
    path = tmp_path / "a.tif"
    path.write_bytes(tiled(16, 16, b"\x0a\xc8" + bytes(254)))

    assert rows_of(load(path)) == [[(10, 10, 10), (200, 200, 200)]]


def test_a_tile_that_is_thousands_of_times_larger_is_refused(tmp_path):
    path = tmp_path / "a.tif"
    path.write_bytes(tiled(4096, 4112, bytes(4096)))

    error = failure_of(path)

    assert error.kind == "undecodable"
    assert str(error) == "The image cannot be decoded: its tiles have 4096 x 4112 pixels."


def test_a_picture_whose_last_strips_are_missing_is_truncated(tmp_path):
    path = tmp_path / "a.tif"
    whole = raw_tiff(2, 2, bytes(4))
    path.write_bytes(whole)
    assert load(path).size == (2, 2)

    taller = struct.pack("<HHII", 257, 4, 1, 2), struct.pack("<HHII", 257, 4, 1, 5)
    path.write_bytes(whole.replace(*taller))

    error = failure_of(path)
    assert error.kind == "truncated"
    assert str(error) == "The image is truncated: its strips do not cover it."


def test_a_picture_may_have_a_strip_for_each_colour(tmp_path):
    path = tmp_path / "a.tif"
    at = 14 + 12 * 10
    entries = [
        *HEAD,
        (258, 3, 3, at),
        (262, 3, 1, 2),
        (273, 4, 3, at + 6),
        (277, 3, 1, 3),
        (278, 4, 1, 1),
        (279, 4, 3, at + 18),
        (284, 3, 1, 2),  # one colour after the other
    ]
    reds = at + 30
    tables = struct.pack("<3H3I3I", 8, 8, 8, reds, reds + 2, reds + 4, 2, 2, 2)
    path.write_bytes(tiff(entries, tail=tables + bytes([1, 2, 3, 4, 5, 6])))

    assert rows_of(load(path)) == [[(1, 3, 5), (2, 4, 6)]]


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_picture_on_its_side_is_covered_too(tmp_path, orientation):
    path = tmp_path / "a.tif"
    path.write_bytes(raw_tiff(3, 1, b"\x00\x80\xff", more=[(274, 3, 1, orientation)]))

    assert load(path).size == ((3, 1) if orientation == 1 else (1, 3))
