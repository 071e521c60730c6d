"""What is asked about a place, wherever it is."""

from pathlib import Path

import pytest

from capenh_pipeline.places.object_place import ObjectPlace
from capenh_pipeline.places.place import file_in, is_in, is_same_place

BUCKET = ObjectPlace("s3", "b", "")
IMAGES = ObjectPlace("s3", "b", "images")


@pytest.mark.parametrize(
    ("place", "folder", "answer"),
    [
        (IMAGES / ".capenh", IMAGES, True),
        (IMAGES, IMAGES, True),
        (IMAGES, BUCKET, True),
        (ObjectPlace("s3", "b", "images2"), IMAGES, False),
        (ObjectPlace("gs", "b", "images/x"), IMAGES, False),
        (IMAGES, Path("/images"), False),
        (Path("/images/x"), IMAGES, False),
        (Path("/images/x"), Path("/images"), True),
    ],
)
def test_a_place_is_in_a_folder(place, folder, answer):
    assert is_in(place, folder) is answer


def test_a_place_is_known_by_its_text(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path)
    assert is_same_place(str(tmp_path / "link"), tmp_path)
    assert is_same_place("s3://b/images", IMAGES)
    assert not is_same_place("s3://b/other", IMAGES)
    assert not is_same_place(str(tmp_path), IMAGES)
    assert not is_same_place("s3://b/images", tmp_path)


def test_a_file_in_a_folder_has_any_name(tmp_path):
    assert str(file_in(IMAGES, "a b/50%.png")) == "s3://b/images/a b/50%.png"
    assert file_in(tmp_path, "caf\udce9.png") == tmp_path / "caf\udce9.png"
