"""The cursor of the sensor."""

import json

import pytest

from capenh_pipeline.stages.watch_place import Place

SEEN = (3, 2**63 + 1, 7)


@pytest.mark.parametrize("place", [Place(), Place(SEEN, "a/b\udcff", 0.25)])
def test_it_comes_back_as_it_was_written(place):
    assert Place.read(place.cursor()) == place
    assert place.cursor().isascii()


def test_one_of_the_version_before_is_a_digest_alone():
    assert Place.read(json.dumps([*SEEN])) == Place(SEEN)


@pytest.mark.parametrize("cursor", [None, "", "mine", "7", "[1]", "{}", '{"seen": 1}'])
def test_what_is_none_is_the_beginning(cursor):
    assert Place.read(cursor) == Place()
