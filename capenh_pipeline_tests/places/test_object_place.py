"""A name in object storage is used as a path is, and a URL names one."""

import sys

import pytest

from capenh_pipeline.errors import ConfigurationError
from capenh_pipeline.places.object_client import bucket_client
from capenh_pipeline.places.object_place import ObjectPlace, object_place
from capenh_pipeline.places.place import local_folder, move_file, name_in, place_of
from capenh_pipeline_tests.object_storage.folders import FOLDERS


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("s3://b/a/store", ObjectPlace("s3", "b", "a/store")),
        ("gs://b//a/", ObjectPlace("gs", "b", "a")),
        ("s3://b", ObjectPlace("s3", "b", "")),
        ("az://account/container/a/b", ObjectPlace("az", "account/container", "a/b")),
    ],
)
def test_a_url_names_a_place(url, place):
    assert object_place(url, option="store") == place
    assert place_of(str(place), option="store") == place


@pytest.mark.parametrize(
    "url", ["s3://", "az://account", "s3://key:secret@b/x", "s3://b/../x", "s3://b/x?key=1"]
)
def test_a_url_without_a_bucket_or_with_credentials_is_refused(url):
    with pytest.raises(ConfigurationError, match=r"--store: write .*/FOLDER, without cred"):
        object_place(url, option="store")


def test_a_file_url_is_a_path(tmp_path):
    assert place_of(f"file://{tmp_path}", option="store") == tmp_path


def test_names_are_put_together_and_taken_apart():
    root = ObjectPlace("s3", "b", "")
    part = root / "table" / "part"
    assert (str(part), part.name, str(part.parent)) == ("s3://b/table/part", "part", "s3://b/table")
    assert str(part.with_name("other")) == "s3://b/table/other"
    assert name_in(root, part) == "table/part"
    assert str(root) == "s3://b"


@pytest.mark.parametrize(
    ("url", "names"),
    [
        ("s3://bucket/x", ['S3Store(bucket="bucket"']),
        ("gs://bucket/x", ['GCSStore(bucket="bucket"']),
        ("az://dogs/box/x", ['container_name="box"', 'account_name="dogs"']),
    ],
)
def test_every_url_has_a_client_of_its_bucket(url, names):
    place = object_place(url, option="store")
    client = repr(bucket_client(place.scheme, place.bucket))
    assert all(name in client for name in names)


@pytest.mark.parametrize("folder", FOLDERS)
def test_what_is_written_is_read_listed_and_deleted(folder, request):
    folder = request.getfixturevalue(folder)
    place = folder / "folder" / "name"
    assert not place.exists()
    assert not folder.exists()
    assert [*folder.iterdir()] == []
    place.put(b"one")
    assert place.read_bytes() == b"one"
    assert place.stat().st_size == 3
    assert [*folder.iterdir()] == [place.parent]
    assert place.parent.is_dir()
    assert place.parent.exists()
    assert not place.parent.is_file()
    assert [*place.parent.glob("na*")] == [place]
    move_file(place, folder / "aside")
    assert [*folder.iterdir()] == [folder / "aside"]
    (folder / "aside").unlink()
    (folder / "aside").unlink(missing_ok=True)
    with pytest.raises(FileNotFoundError):
        place.read_bytes()


@pytest.mark.parametrize("folder", FOLDERS)
def test_of_two_writers_one_creates_and_one_replaces(folder, request):
    place = request.getfixturevalue(folder) / "name"
    assert place.create(b"one")
    assert not place.create(b"two")
    state = place.stat()
    assert place.swap(b"three", version=state.version)
    assert not place.swap(b"four", version=state.version)
    assert place.read_bytes() == b"three"


def test_what_is_for_one_machine_is_kept_on_its_disk(tmp_path):
    environment = {"XDG_STATE_HOME": str(tmp_path)}
    assert local_folder(tmp_path / "store", environment) == tmp_path / "store"
    folder = local_folder(ObjectPlace("s3", "b", "a/dogs"), environment)
    assert folder.parent == tmp_path / "capenh"
    assert folder.name.startswith("dogs-")
    assert folder.is_dir()
    assert folder != local_folder(ObjectPlace("s3", "b", "z/dogs"), environment)


def test_without_obstore_a_sentence_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "obstore", None)
    bucket_client.cache_clear()
    with pytest.raises(ConfigurationError, match=r"pip install 'capenh_pipeline\[object_store\]'"):
        ObjectPlace("s3", "b", "x").read_bytes()
