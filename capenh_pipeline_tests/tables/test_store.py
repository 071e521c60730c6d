"""A store is created once, remembers its shard count and refuses another."""

import json
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from capenh_pipeline.domain.schemas import VLM_CAPTIONS
from capenh_pipeline.errors import StoreError
from capenh_pipeline.tables.reshard import reshard
from capenh_pipeline.tables.store import Store
from capenh_pipeline_tests.tables.samples import captions, texts_in


def test_a_missing_store_is_created_with_its_parents(tmp_path):
    Store.open(tmp_path / "a" / "b", shard_digits=2)
    content = json.loads((tmp_path / "a" / "b" / "store.json").read_bytes())
    assert content == {"format": 1, "shard_digits": 2}


def test_a_store_is_opened_again_with_what_it_holds(tmp_path):
    Store.open(tmp_path, shard_digits=1).table(VLM_CAPTIONS).append(captions("0", {"a": "x"}))
    table = Store.open(tmp_path, shard_digits=1).table(VLM_CAPTIONS)
    assert texts_in(table) == ["x"]


def test_opening_a_store_again_writes_nothing(tmp_path):
    Store.open(tmp_path, shard_digits=1)
    before = (tmp_path / "store.json").stat()
    Store.open(tmp_path, shard_digits=1)
    assert (tmp_path / "store.json").stat() == before


def test_another_shard_count_is_refused_with_both_ways_out(tmp_path):
    Store.open(tmp_path, shard_digits=1)
    with pytest.raises(StoreError) as refused:
        Store.open(tmp_path, shard_digits=2)
    message = str(refused.value)
    assert "has 16 shards (1 digit), and 256 shards (2 digits) were asked for" in message
    assert "set CAPENH_SHARD_DIGITS=1 or use another --store" in message


def test_another_format_is_refused(tmp_path):
    (tmp_path / "store.json").write_text('{"format": 2, "shard_digits": 1}')
    with pytest.raises(StoreError, match="has format 2, and this version reads format 1"):
        Store.open(tmp_path, shard_digits=1)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"[" * 10**5,
        b"\xff",
        b'{"format": 1}',
        b'{"format": 1, "shard_digits": []}',
    ],
    ids=range(7),
)
def test_a_damaged_marker_is_named(tmp_path, content):
    (tmp_path / "store.json").write_bytes(content)
    with pytest.raises(StoreError, match=r"store\.json"):
        Store.open(tmp_path, shard_digits=1)


@pytest.mark.parametrize("digits", [1, 2])
def test_a_store_that_has_lost_its_marker_gets_no_new_one_that_hides_its_rows(tmp_path, digits):
    Store.open(tmp_path, shard_digits=2).table(VLM_CAPTIONS).append(captions("00", {"a": "x"}))
    (tmp_path / "store.json").unlink()
    for opened in (partial(Store.open, shard_digits=digits), Store.existing):
        with pytest.raises(StoreError, match=r"store\.json is missing; .* --repair writes it anew"):
            opened(tmp_path)
    assert not (tmp_path / "store.json").exists()


def test_a_store_that_was_resharded_since_it_was_opened_is_not_held(tmp_path):
    """Its rows lie in other shards by now, so that a run would compute them all again."""
    store = Store.open(tmp_path, shard_digits=1)
    reshard(store, 2)
    with pytest.raises(StoreError, match="has 256 shards"), store.held():
        pass
    with Store.existing(tmp_path).held():  # and it was let go
        pass


def test_a_marker_may_say_more_than_this_version_knows(tmp_path):
    (tmp_path / "store.json").write_text('{"format": 1, "shard_digits": 1, "dataset": "x"}')
    assert Store.open(tmp_path, shard_digits=1).shard_digits == 1


def test_a_store_that_lies_in_another_dataset_is_refused(tmp_path):
    """Its ledger is about files there: where they are not, a prune would forget what we wrote."""
    root, other, link = tmp_path / "images" / ".capenh", tmp_path / "other", tmp_path / "link"
    Store.open(root, shard_digits=1)
    link.symlink_to(tmp_path / "images")
    assert Store.open(root, shard_digits=1, dataset=link).root == root
    with pytest.raises(StoreError, match=f"belongs to the dataset {tmp_path / 'images'}; "):
        Store.open(root, shard_digits=1, dataset=other)
    (root / "store.json").write_text(
        json.dumps({"format": 1, "shard_digits": 1, "dataset": str(other)})
    )
    assert Store.open(root, shard_digits=1, dataset=other).root == root


def test_a_marker_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "store.json").mkdir()
    with pytest.raises(StoreError, match=r"read at .*store\.json: Is a directory"):
        Store.open(tmp_path, shard_digits=1)


def test_a_file_in_place_of_the_store_is_refused(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreError, match=r"file is a file; give a folder with --store"):
        Store.open(tmp_path / "file", shard_digits=1)


def test_a_store_that_cannot_be_created_is_named_with_the_reason(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreError, match=r"cannot be written at .*file/store: File exists"):
        Store.open(tmp_path / "file" / "store", shard_digits=1)


def test_a_path_that_the_system_refuses_is_named_with_the_reason(tmp_path):
    with pytest.raises(StoreError, match="File name too long"):
        Store.open(tmp_path / ("n" * 300), shard_digits=1)


def test_many_may_create_one_store_at_once_and_agree_on_its_shards(tmp_path):
    """Half of them ask for the other count: they are refused, whichever came first."""

    def opened(digits: int) -> int | None:
        try:
            return Store.open(tmp_path / "new" / "store", shard_digits=digits).shard_digits
        except StoreError:
            return None

    with ThreadPoolExecutor(16) as pool:
        seen = list(pool.map(opened, [1, 2] * 8))
    stored = json.loads((tmp_path / "new" / "store" / "store.json").read_bytes())["shard_digits"]
    assert seen.count(stored) == seen.count(None) == 8
    assert list((tmp_path / "new" / "store").iterdir()) == [Path(tmp_path, "new/store/store.json")]
