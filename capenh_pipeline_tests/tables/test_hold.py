"""One command at a time works on a store, and the next one is told who that is."""

import os
import socket
import subprocess
import sys

import pytest

from capenh_pipeline.errors import StoreError
from capenh_pipeline.tables.hold import hold, is_held

_HOLDER = """
import sys
from pathlib import Path
from capenh_pipeline.tables.hold import hold
with hold(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_the_second_one_is_told_who_holds_the_store_and_since_when(tmp_path):
    with hold(tmp_path), pytest.raises(StoreError) as refused, hold(tmp_path):
        pass
    message = str(refused.value)
    assert f"process {os.getpid()} on {socket.gethostname()}, since 20" in message
    assert "wait until it has ended" in message


@pytest.mark.parametrize("content", [b"", b"[1]", b"{}"])
def test_a_damaged_note_does_not_hide_that_the_store_is_held(tmp_path, content):
    with hold(tmp_path):
        (tmp_path / "run.json").write_bytes(content)
        with pytest.raises(StoreError, match="Another run is at work on the store"):
            hold(tmp_path).__enter__()


def test_nobody_holds_a_store_that_was_let_go(tmp_path):
    with hold(tmp_path):
        assert is_held(tmp_path)
    assert not is_held(tmp_path)
    assert not (tmp_path / "run.json").exists()
    with hold(tmp_path):
        pass


def test_another_process_is_named_and_lets_go_when_it_is_killed(tmp_path):
    words = [sys.executable, "-c", _HOLDER, str(tmp_path)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:  # noqa: S603
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(StoreError, match=f"process {other.pid} on "):
            hold(tmp_path).__enter__()
        other.kill()
    with hold(tmp_path), pytest.raises(StoreError, match=f"process {os.getpid()} on "):
        hold(tmp_path).__enter__()


def test_a_lock_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "run.lock").mkdir()
    with pytest.raises(StoreError, match=r"cannot be written at .*/run\.lock: Is a directory"):
        hold(tmp_path).__enter__()
