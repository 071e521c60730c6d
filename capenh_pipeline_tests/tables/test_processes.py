"""Processes that share a store, wherever it is, or die while writing to it, lose no row."""

import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from capenh_pipeline.domain.schemas import IMAGE_MANIFEST, VLM_CAPTIONS
from capenh_pipeline.places.place import Place
from capenh_pipeline.tables.marker import read_marker
from capenh_pipeline.tables.store import Store
from capenh_pipeline_tests.object_storage.folders import FOLDERS, OTHERS
from capenh_pipeline_tests.tables import writers
from capenh_pipeline_tests.tables.samples import hash_in, parts_of, sizes_in, texts_in

TIMEOUT_S = 60
REPOSITORY = Path(__file__).parents[2]


@contextmanager
def writer(name: str, root: Place, number: int = 0) -> Generator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", writers.__name__, name, str(root), str(number)]
    process = subprocess.Popen(  # noqa: S603  # our own script
        command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=TIMEOUT_S)


def next_acknowledgement(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def wherever(number, *, on_disk, in_bucket, marks=()):
    """Run a test on a disk and in buckets, which take longer: with other numbers."""
    return pytest.mark.parametrize(
        ("store", number),
        [
            (None, on_disk),
            pytest.param("s3_folder", in_bucket, marks=marks),
            *(pytest.param(*one.values, in_bucket, marks=one.marks) for one in OTHERS),
        ],
        indirect=["store"],
    )


@wherever("count", on_disk=5, in_bucket=3)
def test_rows_acknowledged_before_a_kill_are_there_and_compaction_keeps_them(store, count):
    """So many writers of one shard, all appending and compacting at once, each killed in turn."""
    acknowledged = set()
    with ExitStack() as stack:
        processes = [
            stack.enter_context(writer("append_and_compact", store.root, number))
            for number in range(count)
        ]
        for number, process in enumerate(processes):
            for _ in range(4 + number):
                acknowledged.add(f"{number}-{next_acknowledgement(process)}")
            process.kill()
    assert len(acknowledged) == sum(4 + number for number in range(count))

    table = store.table(VLM_CAPTIONS)
    before = table.read()
    assert before["image_hash"].is_unique().all()
    assert {hash_in("0", name) for name in acknowledged} <= set(before["image_hash"])
    table.compact(["0"])
    assert table.read().equals(before)


@wherever("reads", on_disk=400, in_bucket=40, marks=pytest.mark.slow)
def test_a_reader_never_misses_a_row_while_two_processes_compact(store, reads):
    """It reads without a pause, so that some reads meet parts deleted under them."""
    table = store.table(VLM_CAPTIONS)
    seen: set[str] = set()
    with (
        writer("append_and_compact", store.root, 1) as one,
        writer("append_and_compact", store.root, 2) as other,
    ):
        next_acknowledgement(one)
        next_acknowledgement(other)
        for _ in range(reads):
            hashes = table.read(["0"])["image_hash"].to_list()
            assert len(hashes) == len(set(hashes)) > 0
            assert seen <= set(hashes)
            seen |= set(hashes)
        assert one.poll() is None
        assert other.poll() is None


@wherever("reads", on_disk=400, in_bucket=40, marks=pytest.mark.slow)
def test_a_reader_sees_one_whole_snapshot_while_another_process_replaces_it(store, reads):
    table = store.table(IMAGE_MANIFEST)
    newest = 0
    with writer("replace", store.root) as process:
        next_acknowledgement(process)
        for _ in range(reads):
            sizes = sizes_in(table)
            assert sorted(sizes) == list("abcdef")
            assert set(sizes.values()) == {sizes["a"]}
            assert sizes["a"] >= newest
            newest = sizes["a"]
        assert process.poll() is None


@pytest.mark.parametrize("folder", ["tmp_path", *FOLDERS])
def test_of_many_that_create_a_store_at_once_one_says_how_many_shards_it_has(folder, request):
    root = request.getfixturevalue(folder) / "store"
    with ExitStack() as stack:
        for process in [stack.enter_context(writer("replace", root, n)) for n in range(3)]:
            next_acknowledgement(process)
    assert read_marker(root) == {"format": 1, "shard_digits": 1}
    assert Store.existing(root).shard_digits == 1


def test_an_interrupt_writes_what_a_checkpoint_has_taken(store):
    with writer("add_and_wait", store.root) as process:
        assert next_acknowledgement(process) == "100"
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=TIMEOUT_S)
        assert process.returncode != 0
    assert len(texts_in(store.table(VLM_CAPTIONS))) == 100


def test_an_interrupt_in_the_middle_of_a_write_loses_no_row_that_was_added(store):
    """Polars stops its work in the writer's thread, too, when Ctrl-C is pressed."""
    added = set()
    with ExitStack() as stack:
        processes = [
            stack.enter_context(writer("add_until_interrupted", store.root, number))
            for number in range(5)
        ]
        for number, process in enumerate(processes):
            for _ in range(100 + 10 * number):
                assert next_acknowledgement(process) == "added"
            process.send_signal(signal.SIGINT)
            output, errors = process.communicate(timeout=TIMEOUT_S)
            assert process.returncode == 0, errors
            added |= {f"{number}-{row}" for row in range(int(output.split()[-1]))}
    assert added <= set(texts_in(store.table(VLM_CAPTIONS)))


def test_a_checkpoint_that_was_never_closed_neither_loses_rows_nor_keeps_the_process(store):
    with writer("add_and_leave_it_open", store.root) as process:
        process.communicate(timeout=TIMEOUT_S)
        assert process.returncode == 0
    assert len(texts_in(store.table(VLM_CAPTIONS))) == 2


def test_a_disk_that_takes_no_more_is_one_sentence_and_keeps_what_was_there(store):
    """Appending, merging and replacing all fail, and delete nothing."""
    with writer("overflow", store.root) as process:
        messages = process.communicate(timeout=TIMEOUT_S)[0].splitlines()
    captions, manifest = store.table(VLM_CAPTIONS), store.table(IMAGE_MANIFEST)
    assert [message.split(": ")[0] for message in messages] == [
        f"The store cannot be written at {folder}/shard=0"
        for folder in (captions.folder, captions.folder, manifest.folder)
    ]
    assert all(": File too large; free some space" in message for message in messages)
    assert len(texts_in(captions)) == 9 * 1000
    assert len(parts_of(captions)) == 9
    assert sizes_in(manifest) == {"a": 1}
    assert len(parts_of(manifest)) == 1
