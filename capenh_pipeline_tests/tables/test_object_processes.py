"""Processes that share a store in object storage, or die in the middle of a write, lose no row."""

from contextlib import ExitStack

import pytest

from capenh_pipeline.domain.schemas import IMAGE_MANIFEST, VLM_CAPTIONS
from capenh_pipeline.tables.marker import read_marker
from capenh_pipeline.tables.store import Store
from capenh_pipeline_tests.tables.samples import hash_in, sizes_in
from capenh_pipeline_tests.tables.test_processes import next_acknowledgement, writer

in_s3_and_in_ceph = pytest.mark.parametrize(
    "store", ["s3_folder", pytest.param("ceph_folder", marks=pytest.mark.soak)], indirect=True
)


@in_s3_and_in_ceph
def test_rows_acknowledged_before_a_kill_are_there_and_compaction_keeps_them(store):
    """Three writers of one shard, all appending and compacting at once, each killed in turn."""
    acknowledged = set()
    with ExitStack() as stack:
        processes = [
            stack.enter_context(writer("append_and_compact", store.root, number))
            for number in range(3)
        ]
        for number, process in enumerate(processes):
            for _ in range(4 + number):
                acknowledged.add(f"{number}-{next_acknowledgement(process)}")
            process.kill()
    assert len(acknowledged) == 4 + 5 + 6

    table = store.table(VLM_CAPTIONS)
    before = table.read()
    assert before["image_hash"].is_unique().all()
    assert {hash_in("0", name) for name in acknowledged} <= set(before["image_hash"])
    table.compact(["0"])
    assert table.read().equals(before)


@pytest.mark.slow
@in_s3_and_in_ceph
def test_a_reader_never_misses_a_row_while_two_processes_compact(store):
    table = store.table(VLM_CAPTIONS)
    seen: set[str] = set()
    with (
        writer("append_and_compact", store.root, 1) as one,
        writer("append_and_compact", store.root, 2) as other,
    ):
        next_acknowledgement(one)
        next_acknowledgement(other)
        for _ in range(40):
            hashes = table.read(["0"])["image_hash"].to_list()
            assert len(hashes) == len(set(hashes)) > 0
            assert seen <= set(hashes)
            seen |= set(hashes)
        assert one.poll() is None
        assert other.poll() is None


@pytest.mark.slow
@in_s3_and_in_ceph
def test_a_reader_sees_one_whole_snapshot_while_another_process_replaces_it(store):
    table, newest = store.table(IMAGE_MANIFEST), 0
    with writer("replace", store.root) as process:
        next_acknowledgement(process)
        for _ in range(40):
            sizes = sizes_in(table)
            assert sorted(sizes) == list("abcdef")
            assert set(sizes.values()) == {sizes["a"]}
            assert sizes["a"] >= newest
            newest = sizes["a"]
        assert process.poll() is None


@pytest.mark.parametrize(
    "folder", ["s3_folder", pytest.param("ceph_folder", marks=pytest.mark.soak)]
)
def test_of_many_that_create_a_store_at_once_one_says_how_many_shards_it_has(folder, request):
    root = request.getfixturevalue(folder)
    with ExitStack() as stack:
        for process in [stack.enter_context(writer("replace", root, n)) for n in range(3)]:
            next_acknowledgement(process)
    assert read_marker(root) == {"format": 1, "shard_digits": 1}
    assert Store.existing(root).shard_digits == 1
