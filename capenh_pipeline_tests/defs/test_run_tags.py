"""Runs are found by the same tags, however a folder is named and wherever a process is."""

import pytest

from capenh_pipeline.defs.run_tags import DATASET, STORE, queue_tags, run_tags
from capenh_pipeline.domain.options import Options

VERSIONS = {"vlm_captions": "a", "combined_captions": "b"}


@pytest.mark.parametrize(
    ("named", "dataset", "store"),
    [
        ({"dataset_dir": "/data/dogs"}, "dogs", "/data/dogs/.capenh"),
        ({"dataset_dir": "file:///data/dogs/"}, "dogs", "/data/dogs/.capenh"),
        ({"dataset_dir": "s3://b/dogs/"}, "dogs", "s3://b/dogs/.capenh"),
        ({"dataset_dir": "s3://b"}, "b", "s3://b/.capenh"),
        ({"dataset_dir": "/", "store": "s3://b/store/"}, "/", "s3://b/store"),
    ],
)
def test_a_dataset_and_its_store_have_one_name(named, dataset, store):
    options = Options(**named)
    assert run_tags(options, VERSIONS)[DATASET] == dataset
    assert queue_tags(options) == {STORE: store}


def test_a_relative_folder_is_told_from_others(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert queue_tags(Options(dataset_dir="dogs")) == {STORE: f"{tmp_path}/dogs/.capenh"}
