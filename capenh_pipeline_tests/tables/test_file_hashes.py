"""A big file is hashed once, until it changes."""

import hashlib
import json
import os

import pytest

from capenh_pipeline.errors import StoreError
from capenh_pipeline.tables.file_hashes import FileHashes


@pytest.fixture
def weights(tmp_path):
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"weights" * 100_000)
    return path


@pytest.fixture
def kept(tmp_path):
    return tmp_path / "model_hashes.json"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_the_hash_is_that_of_the_bytes(weights, kept):
    assert FileHashes(kept).sha256_of(weights) == sha256(b"weights" * 100_000)


def test_an_unchanged_file_is_not_read_again(weights, kept):
    """What is kept is what is returned: a false entry shows that the file was not read."""
    FileHashes(kept).sha256_of(weights)
    kept.write_text(kept.read_text().replace(sha256(weights.read_bytes()), "kept"))
    assert FileHashes(kept).sha256_of(weights) == "kept"


def test_an_edit_that_keeps_size_and_mtime_is_seen(weights, kept):
    hashes = FileHashes(kept)
    hashes.sha256_of(weights)
    stat = weights.stat()
    weights.write_bytes(b"WEIGHTS" * 100_000)
    os.utime(weights, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert hashes.sha256_of(weights) == sha256(b"WEIGHTS" * 100_000)


def test_a_link_shares_the_entry_of_its_target(weights, kept, tmp_path):
    link = tmp_path / "snapshot"
    link.symlink_to(weights)
    assert FileHashes(kept).sha256_of(link) == FileHashes(kept).sha256_of(weights)
    assert list(json.loads(kept.read_bytes())) == [str(weights.resolve())]


def test_several_files_are_kept_side_by_side(weights, kept, tmp_path):
    other = tmp_path / "other"
    other.write_bytes(b"")
    for path in [weights, other]:
        FileHashes(kept).sha256_of(path)
    assert len(json.loads(kept.read_bytes())) == 2


@pytest.mark.parametrize("damage", [b"", b"{", b"[1]", b"\xff\xfe", b'"text"', b"{}"])
def test_a_damaged_cache_is_ignored_and_made_anew(weights, kept, damage):
    kept.write_bytes(damage)
    assert FileHashes(kept).sha256_of(weights) == sha256(weights.read_bytes())
    assert len(json.loads(kept.read_bytes())) == 1


@pytest.mark.parametrize("entry", [1, None, {}, {"version": None}, {"version": 1, "sha256": "x"}])
def test_a_damaged_entry_is_ignored(weights, kept, entry):
    kept.write_text(json.dumps({str(weights.resolve()): entry}))
    assert FileHashes(kept).sha256_of(weights) == sha256(weights.read_bytes())


def test_a_missing_file_is_the_callers_to_explain(tmp_path, kept):
    with pytest.raises(FileNotFoundError):
        FileHashes(kept).sha256_of(tmp_path / "missing")


def test_a_cache_that_cannot_be_written_is_a_store_error(weights, tmp_path):
    with pytest.raises(StoreError, match=r"missing/model_hashes\.json: No such file"):
        FileHashes(tmp_path / "missing" / "model_hashes.json").sha256_of(weights)
