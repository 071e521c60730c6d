import subprocess
import sys
from threading import Event, get_ident

import pytest

from capenh_pipeline.dataset.time_limit import within
from capenh_pipeline.errors import RowError


@pytest.mark.parametrize("timeout_s", [None, 600.0])
def test_work_that_is_done_in_time_gives_its_result_or_its_error(timeout_s):
    assert within(timeout_s, lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        within(timeout_s, lambda: 1 / 0)


def test_work_that_takes_too_long_is_given_up():
    end = Event()

    with pytest.raises(RowError) as failure:
        within(0.01, end.wait)

    end.set()
    assert failure.value.kind == "timeout"
    assert str(failure.value) == "Reading the image took more than 0.01 seconds."


def test_without_a_limit_no_thread_is_started():
    assert within(None, get_ident) == get_ident()


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
