"""A caption file in object storage is written in the place of what it was compared with, only."""

import pytest

from capenh_pipeline.errors import DatasetError
from capenh_pipeline.export.object_files import require_conditions, write_object
from capenh_pipeline.places.file_state import state_of
from capenh_pipeline_tests.object_storage.folders import FOLDERS

OURS, NEW, THEIRS = b"ours", b"new", b"what a person wrote"


@pytest.fixture(params=FOLDERS)
def file(request):
    return request.getfixturevalue(request.param) / "a_combined.txt"


def test_a_new_file_is_written_where_nothing_is(file):
    assert write_object(file, NEW, before=None, overwrite=False) == state_of(file)
    assert file.read_bytes() == NEW


def test_ours_is_replaced(file):
    file.put(OURS)
    assert write_object(file, NEW, before=state_of(file), overwrite=False) == state_of(file)
    assert file.read_bytes() == NEW


def test_what_has_come_meanwhile_is_kept(file):
    file.put(THEIRS)
    assert write_object(file, NEW, before=None, overwrite=False) is None
    assert file.read_bytes() == THEIRS


def test_what_was_edited_meanwhile_is_kept(file):
    file.put(OURS)
    before = state_of(file)
    file.put(THEIRS)
    assert write_object(file, NEW, before=before, overwrite=False) is None
    assert file.read_bytes() == THEIRS


def test_what_was_deleted_meanwhile_stays_so(file):
    file.put(OURS)
    before = state_of(file)
    file.unlink()
    assert write_object(file, NEW, before=before, overwrite=False) is None
    assert not file.exists()


@pytest.mark.parametrize("there", [True, False])
def test_the_same_by_another_run_is_ours(file, there):
    if there:
        file.put(OURS)
    before = state_of(file)
    file.put(NEW)
    assert write_object(file, NEW, before=before, overwrite=False) == state_of(file)


def test_anything_is_overwritten_if_that_is_wanted(file):
    file.put(THEIRS)
    assert write_object(file, NEW, before=None, overwrite=True) == state_of(file)
    assert file.read_bytes() == NEW


def test_a_server_that_cannot_keep_an_edit_is_refused(careless_folder):
    with pytest.raises(DatasetError, match="ignores the conditions of conditional writes"):
        require_conditions(careless_folder)
