"""What is done to a store as a whole is done in object storage too."""

from collections import Counter

import pytest

from capenh_pipeline.domain.schemas import IMAGE_MANIFEST, VLM_CAPTIONS
from capenh_pipeline.errors import StoreError
from capenh_pipeline.tables.audit import DAMAGED_FOLDER, UNREADABLE, audit_leftovers, audit_parts
from capenh_pipeline.tables.lost_marker import marker_damage
from capenh_pipeline.tables.marker import MARKER, read_marker
from capenh_pipeline.tables.reshard import reshard
from capenh_pipeline.tables.store import Store
from capenh_pipeline_tests.tables.samples import captions, manifest, parts_of, sizes_in, texts_in


@pytest.fixture
def store(s3_folder):
    """A store of one table and a snapshot."""
    store = Store.open(s3_folder, shard_digits=1)
    table = store.table(VLM_CAPTIONS)
    for number in range(2):
        table.append(captions("0", {f"a{number}": f"x{number}", "b": f"y{number}"}))
    table.append(captions("f", {"c": "z"}))
    store.table(IMAGE_MANIFEST).replace("0", manifest("0", {"a": 1}))
    return store


def test_a_part_with_other_bytes_is_refused_and_can_be_put_aside(store):
    table = store.table(VLM_CAPTIONS)
    part = parts_of(table)[0]
    content = bytearray(part.read_bytes())
    content[len(content) // 2] ^= 1
    part.put(bytes(content))
    with pytest.raises(StoreError, match="its bytes are not those that were written"):
        table.read(["0"])

    (damage,) = audit_parts(store, Counter())
    assert [(found.kind, found.path) for found in damage.findings] == [(UNREADABLE, part)]
    assert damage.mend is not None
    damage.mend()
    folder = store.root / DAMAGED_FOLDER / VLM_CAPTIONS.name / "shard=0"
    assert [place.read_bytes() for place in folder.iterdir()] == [content]
    assert texts_in(table, ["0"]) == ["x1", "y1"]


def test_resharded_and_back_it_has_the_same_rows(store):
    before = sorted(texts_in(store.table(VLM_CAPTIONS)))
    for digits in (2, 1):
        store = reshard(store, digits)
        assert read_marker(store.root)["shard_digits"] == digits
        assert sorted(texts_in(store.table(VLM_CAPTIONS))) == before == ["x0", "x1", "y1", "z"]
        assert sizes_in(store.table(IMAGE_MANIFEST)) == {"a": 1}
        assert [*audit_leftovers(store)] == []


def test_rows_are_deleted_and_the_others_stay(store):
    table = store.table(VLM_CAPTIONS)
    table.delete(captions("0", {"b": "", "a0": ""}))
    assert texts_in(table) == ["x1", "z"]
    assert len(parts_of(table)) == 1


def test_a_marker_that_was_lost_is_written_anew(store):
    assert marker_damage(store.root, None) is None
    (store.root / MARKER).unlink()
    with pytest.raises(StoreError, match=r"store\.json is missing; capenh store check --repair"):
        Store.existing(store.root)
    damage = marker_damage(store.root, None)
    assert damage is not None
    assert damage.mend is not None
    damage.mend()
    assert Store.existing(store.root).shard_digits == 1
