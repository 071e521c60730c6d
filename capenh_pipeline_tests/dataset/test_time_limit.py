import subprocess
import sys
from threading import Event, get_ident

import pytest

from capenh_pipeline.dataset.time_limit import each_within, within
from capenh_pipeline.errors import RowError


def test_work_that_is_done_in_time_gives_its_result_or_its_error():
    assert within(600, lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        within(600, lambda: 1 / 0)


def test_work_that_takes_too_long_is_given_up():
    end = Event()

    with pytest.raises(RowError) as failure:
        within(0.01, end.wait)

    end.set()
    assert failure.value.kind == "timeout"
    assert str(failure.value) == "Reading the image took more than 0.01 seconds."


def test_work_that_was_given_up_does_not_keep_the_process_from_ending():
    program = (
        "from threading import Event\n"
        "from capenh_pipeline.dataset.time_limit import within\n"
        "from capenh_pipeline.errors import RowError\n"
        "try: within(0.01, Event().wait)\n"
        "except RowError as error: print(error.kind)"
    )

    done = subprocess.run(  # noqa: S603  # this very interpreter
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )

    assert (done.stdout, done.stderr) == ("timeout\n", "")


def test_each_item_is_done_in_turn_by_one_thread():
    threads = set()

    def work(item, begin):
        begin(lambda: None)
        threads.add(get_ident())
        return item * 2

    assert each_within(600, work, [1, 2, 3]) == [2, 4, 6]
    assert each_within(600, work, []) == []
    assert len(threads) == 1


def test_an_item_that_takes_too_long_is_given_up_and_the_others_are_done():
    end = Event()

    given_up = []

    def work(item, begin):
        begin(lambda: given_up.append(item))
        return end.wait() if item in (2, 4) else item

    found = each_within(0.05, work, [1, 2, 3, 4, 5])
    end.set()
    assert given_up == [2, 4]
    assert [item if isinstance(item, int) else item.kind for item in found] == [
        1,
        "timeout",
        3,
        "timeout",
        5,
    ]


def test_time_counts_from_when_an_item_begins():
    def work(item, begin):
        Event().wait(0.2)
        begin(lambda: None)
        return item

    assert each_within(0.1, work, [1]) == [1]


def test_what_an_item_raises_is_raised():
    with pytest.raises(ZeroDivisionError):
        each_within(600, lambda item, begin: 1 / item, [1, 0, 1])
