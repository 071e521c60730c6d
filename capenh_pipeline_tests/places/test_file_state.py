"""The state of an object tells its content from any other, however it was asked for."""

import pytest

from capenh_pipeline.places.containers import is_gone
from capenh_pipeline.places.file_state import object_state, state_of
from capenh_pipeline.places.object_place import ObjectState
from capenh_pipeline_tests.object_storage.folders import FOLDERS


@pytest.mark.parametrize("folder", FOLDERS)
def test_an_object_has_one_state_whoever_is_asked(folder, request):
    folder = request.getfixturevalue(folder)
    place = folder / "a.txt"
    assert state_of(place) is None
    assert is_gone(place)
    place.put(b"one")
    ((_, listed),) = folder.listed()[0]
    states = {state_of(place), object_state(listed), object_state(place.read_version()[1])}
    assert len(states) == 1
    assert not is_gone(place)


def test_other_content_of_the_same_size_and_second_is_another_state(s3_folder):
    place = s3_folder / "a.txt"
    place.put(b"one")
    before = place.stat()
    place.put(b"two")
    assert object_state(place.stat()._replace(st_mtime=before.st_mtime)) != object_state(before)


@pytest.mark.parametrize("tag", ["a", "b", "", "9" * 200])
def test_what_stands_for_the_ctime_is_long_ago_and_fits_its_column(tag):
    state = object_state(ObjectState(1, {"e_tag": tag}, 1.5e9))
    assert -(2**63) <= state.ctime_ns < -1
    quoted = object_state(ObjectState(1, {"e_tag": f'"{tag}"', "version": "7"}, 1.5e9 + 0.25))
    assert quoted == state


def test_a_file_of_a_disk_has_its_own_times(tmp_path):
    path = tmp_path / "a"
    assert state_of(path) is None
    path.write_text("x")
    found = path.stat()
    assert state_of(path) == (1, found.st_mtime_ns, found.st_ctime_ns, True)
