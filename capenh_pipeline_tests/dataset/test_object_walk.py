"""A dataset in object storage is listed as one on a disk is."""

import sys

import pytest

from capenh_pipeline.dataset import object_walk
from capenh_pipeline.dataset.scan import begin_walk, list_dataset, require_images
from capenh_pipeline.errors import ConfigurationError, DatasetError
from capenh_pipeline.places.object_client import bucket_client
from capenh_pipeline.places.object_place import ObjectPlace


def test_many_folders_are_listed(s3_folder, monkeypatch):
    monkeypatch.setattr(object_walk, "FOLDERS_AT_ONCE", 3)
    names = [f"{number}/{deep}/a.png" for number in range(4) for deep in range(2)]
    for name in names:
        (s3_folder / name).put(b"x")
    (s3_folder / ".hidden" / "a.png").put(b"x")
    (s3_folder / "left" / "out.png").put(b"x")
    found = list_dataset(s3_folder, recursive=True, skip=[s3_folder / "left"])
    assert found.images()["path"].to_list() == names
    assert found.warnings == ()


def test_only_images_and_texts_are_listed_and_each_for_itself(s3_folder):
    for name in ("a.PNG", "a.txt", "b.TXT", "png", "x.json", ".a.png", "a.png/b.jpeg"):
        (s3_folder / name).put(name.encode())
    found = list_dataset(s3_folder, recursive=True)
    assert found.images()["path"].to_list() == ["a.PNG", "a.png/b.jpeg"]
    assert found.texts()["path"].to_list() == ["a.txt", "b.TXT"]
    assert found.texts()["size_bytes"].to_list() == [5, 5]


def test_a_bucket_is_a_dataset(s3_folder):
    """The whole of it, without a folder; other tests have put things there."""
    (s3_folder / "a.png").put(b"x")
    walk = begin_walk(ObjectPlace("s3", s3_folder.bucket, ""), [])
    assert s3_folder.key in walk.pending
    assert not walk.has_images
    walk.list_folder(s3_folder.key)
    assert walk.has_images


def test_only_folders_that_have_changed_are_news(s3_folder):
    for name in ("a/1.png", "b/1.png", "b/2.png"):
        (s3_folder / name).put(b"x")
    known = list_dataset(s3_folder, recursive=True).units
    assert list_dataset(s3_folder, recursive=True, known=known).files().is_empty()
    (s3_folder / "b" / "1.png").put(b"y")  # of the same size, in the same second perhaps
    found = list_dataset(s3_folder, recursive=True, known=known).files()
    assert found["path"].to_list() == ["b/1.png", "b/2.png"]


def test_no_bucket_or_no_image_is_a_sentence(s3_folder):
    with pytest.raises(DatasetError, match=r"s3://nowhere/x cannot be listed \(there is no "):
        list_dataset(ObjectPlace("s3", "nowhere", "x"), recursive=True)
    with pytest.raises(DatasetError, match=f"No image .* is in {s3_folder}; put images there"):
        list_dataset(s3_folder, recursive=True)
    (s3_folder / "sub" / "a.png").put(b"")
    with pytest.raises(DatasetError, match=f"is in {s3_folder} itself; add --recursive"):
        list_dataset(s3_folder, recursive=False)
    require_images(s3_folder, recursive=True)


def test_without_obstore_a_sentence_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "obstore", None)
    bucket_client.cache_clear()
    with pytest.raises(ConfigurationError, match=r"pip install 'capenh_pipeline\[object_store\]'"):
        list_dataset(ObjectPlace("s3", "b", "x"), recursive=True)
