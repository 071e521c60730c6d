"""A checkpoint writes what it is given: when enough is pending, when it is old, and at the end."""

import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import pytest

from capenh_pipeline.domain.schemas import VLM_CAPTIONS
from capenh_pipeline.errors import StoreError
from capenh_pipeline.tables.checkpoint import Checkpoint
from capenh_pipeline.tables.table import Table
from capenh_pipeline_tests.tables.samples import captions, parts_of, texts_in

NEVER_S = 10_000.0
DEADLINE_S = 30.0


@pytest.fixture
def table(store):
    return store.table(VLM_CAPTIONS)


@pytest.fixture
def unwritable(table):
    """The same table with a file where its shard should be."""
    table.folder.mkdir()
    (table.folder / "shard=0").write_bytes(b"")
    return table


def row(name: str) -> dict:
    return captions("0", {name: name}).row(0, named=True)


def wait_for_texts(table, count: int) -> list[str]:
    deadline = time.monotonic() + DEADLINE_S
    while len(texts := texts_in(table)) < count and time.monotonic() < deadline:
        time.sleep(0.005)
    return texts


def outcome_of(
    table: Table,
    rows: Iterable[dict],
    *,
    batch: int = 1000,
    ends_in: BaseException | None = None,
) -> BaseException | None:
    """What comes out of a block that adds `rows` and then ends in that exception."""
    try:
        with Checkpoint(table, rows=batch, seconds=NEVER_S) as checkpoint:
            for one in rows:
                checkpoint.add(one)
            if ends_in is not None:
                raise ends_in  # noqa: TRY301  # this is the block's own end
    except BaseException as error:  # noqa: BLE001  # interrupts are what is tested
        return error
    return None


def test_all_rows_are_written_when_the_block_is_left(table):
    with Checkpoint(table, rows=1000, seconds=NEVER_S) as checkpoint:
        for name in "abc":
            checkpoint.add(row(name))
        assert texts_in(table) == []
    assert texts_in(table) == ["a", "b", "c"]
    assert len(parts_of(table)) == 1


def test_enough_pending_rows_are_written_while_the_block_runs(table):
    with Checkpoint(table, rows=2, seconds=NEVER_S) as checkpoint:
        for name in "abc":
            checkpoint.add(row(name))
        assert wait_for_texts(table, 2) == ["a", "b"]
    assert texts_in(table) == ["a", "b", "c"]


def test_an_old_row_is_written_though_no_other_one_comes(table):
    with Checkpoint(table, rows=1000, seconds=0.01) as checkpoint:
        for count, name in enumerate("ab", start=1):
            checkpoint.add(row(name))
            assert len(wait_for_texts(table, count)) == count


def test_a_block_that_adds_nothing_writes_nothing(table):
    with Checkpoint(table, rows=1, seconds=0):
        pass
    assert not table.folder.exists()


def test_many_threads_that_outrun_the_writer_lose_no_row(table):
    names = [f"{number:04d}" for number in range(400)]
    rows = [row(name) for name in names]
    with Checkpoint(table, rows=16, seconds=NEVER_S) as checkpoint, ThreadPoolExecutor(8) as pool:
        list(pool.map(checkpoint.add, rows))
    assert sorted(texts_in(table)) == names
    assert len(parts_of(table)) == 400 / 16


class SlowTable:
    """Takes its time, and sees how many rows would be lost if it were killed before the end."""

    schema = VLM_CAPTIONS

    def __init__(self):
        self.added = 0
        self.written = 0
        self.lost_if_killed = []

    def append(self, rows):
        time.sleep(0.02)
        self.lost_if_killed.append(self.added - self.written)
        self.written += rows.height


def test_a_kill_never_costs_more_rows_than_one_checkpoint_has():
    table = SlowTable()
    with Checkpoint(table, rows=4, seconds=NEVER_S) as checkpoint:
        for name in range(40):
            checkpoint.add(row(str(name)))
            table.added += 1
    assert table.written == 40
    assert max(table.lost_if_killed) <= 4


@pytest.mark.parametrize("stop", [RuntimeError, KeyboardInterrupt, SystemExit, GeneratorExit])
def test_rows_are_written_when_the_block_ends_in_an_exception_which_goes_on(table, stop):
    error = stop("the block's own")
    assert outcome_of(table, [row("a")], ends_in=error) is error
    assert not hasattr(error, "__notes__")
    assert texts_in(table) == ["a"]


def test_a_failed_write_is_raised_when_the_block_is_left(unwritable):
    error = outcome_of(unwritable, [row("a")])
    assert isinstance(error, StoreError)
    assert "Not a directory" in str(error)


def test_adding_to_a_dead_writer_raises_its_error_and_never_waits_for_ever(unwritable):
    rows = iter([row("a")] * 100)
    error = outcome_of(unwritable, rows, batch=2)
    assert isinstance(error, StoreError)
    assert not hasattr(error, "__notes__")
    assert len(list(rows)) > 90


def test_threads_that_wait_for_a_dead_writer_are_all_released(unwritable):
    checkpoint = Checkpoint(unwritable, rows=1, seconds=NEVER_S).__enter__()
    with ThreadPoolExecutor(8) as pool:
        futures = [pool.submit(checkpoint.add, row("a")) for _ in range(50)]
        errors = [future.exception(timeout=DEADLINE_S) for future in futures]
    assert isinstance(errors[-1], StoreError)
    with pytest.raises(StoreError):
        checkpoint.__exit__(None, None, None)


def test_an_exception_of_the_block_is_not_hidden_by_a_failed_write(unwritable):
    error = outcome_of(unwritable, [row("a")], ends_in=KeyboardInterrupt())
    assert isinstance(error, KeyboardInterrupt)
    (note,) = error.__notes__
    assert "were not stored" in note
    assert "Not a directory" in note


def test_a_row_with_an_unknown_column_is_refused_where_it_is_added(table):
    with Checkpoint(table, rows=1, seconds=NEVER_S) as checkpoint:
        with pytest.raises(ValueError, match="no column captoin"):
            checkpoint.add({"captoin": "x"})
        checkpoint.add(row("a"))
    assert texts_in(table) == ["a"]


def test_rows_may_leave_columns_out(table):
    with Checkpoint(table, rows=9, seconds=NEVER_S) as checkpoint:
        checkpoint.add(row("a") | {"attempts": 2})
        checkpoint.add(row("b"))
    assert table.read(columns=["caption", "attempts"]).rows() == [("a", 2), ("b", None)]


def test_text_that_is_not_unicode_does_not_stop_the_other_rows(table):
    """A server may answer half a surrogate pair, and a path in an error may be any bytes."""
    with Checkpoint(table, rows=9, seconds=NEVER_S) as checkpoint:
        checkpoint.add(row("a") | {"caption": "dog \ud83d", "error": "\udcff.jpg"})
        checkpoint.add(row("b") | {"caption": "ünïcode 🐕"})
    rows = table.read(columns=["caption", "error"]).rows()
    assert rows == [("dog ?", "?.jpg"), ("ünïcode 🐕", None)]


def test_a_row_added_after_the_block_is_refused(table):
    with Checkpoint(table, rows=9, seconds=NEVER_S) as checkpoint:
        pass
    with pytest.raises(ValueError, match="after the block was left"):
        checkpoint.add(row("a"))
