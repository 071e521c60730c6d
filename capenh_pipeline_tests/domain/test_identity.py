"""Hashes that anyone can compute again."""

from capenh_pipeline.domain.identity import canonical_json, recipe_hash, sha256_hex
from capenh_pipeline.domain.shards import shard_keys, shard_of

EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_an_image_hash_is_the_sha256_of_the_bytes():
    assert sha256_hex(b"") == EMPTY


def test_the_order_of_a_recipe_does_not_matter():
    assert canonical_json({"b": [1, None], "a": "é"}) == '{"a":"é","b":[1,null]}'
    assert recipe_hash({"a": 1, "b": 2}) == recipe_hash({"b": 2, "a": 1})


def test_a_shard_is_the_first_digits_of_the_hash():
    assert shard_of(EMPTY, digits=1) == "e"
    assert shard_of(EMPTY, digits=2) == "e3"
    assert shard_keys(1) == list("0123456789abcdef")
    assert shard_keys(2)[:2] == ["00", "01"]
    assert len(shard_keys(2)) == 256
