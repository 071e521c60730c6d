"""Ctrl-C while the main thread waits for other threads."""

import asyncio
import signal
import threading
import time

import pytest

from capenh_pipeline.engines.read_ahead import read_ahead
from capenh_pipeline.models.llm import deliver
from capenh_pipeline.models.llm_loop import EventLoopThread, Flight

LATE_S = 60


def interrupt():
    """Send a signal that the calling thread takes itself: nothing wakes the main thread."""
    time.sleep(0.3)  # until that waits, most likely
    signal.pthread_kill(threading.get_ident(), signal.SIGINT)


def read_files(came):
    is_over = threading.Event()

    def read(_):
        interrupt()
        if not is_over.wait(LATE_S):
            came.append("a file")

    list(read_ahead([1], read, workers=1, stop=is_over.set))


def list_models(came):
    with EventLoopThread() as loop:
        loop.run(answer(came))


def ask_for_captions(came):
    with EventLoopThread() as loop:
        deliver(Flight(loop, answer, limit=1), [came], print)


async def answer(came):
    interrupt()
    await asyncio.sleep(LATE_S)
    came.append("an answer")


@pytest.mark.parametrize("wait", [read_files, list_models, ask_for_captions])
def test_ctrl_c_ends_the_wait_before_what_is_waited_for_comes(wait):
    came = []
    with pytest.raises(KeyboardInterrupt):
        wait(came)
    assert came == []
