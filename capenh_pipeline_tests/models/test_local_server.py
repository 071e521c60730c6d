"""The embedded LLM server: a real `transformers serve` with the demo's merge model."""

import contextlib
import logging
import os
import re
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

import capenh_pipeline.demo
from capenh_pipeline.domain.prompts import DEFAULT_LLM_SYSTEM_PROMPT, user_message
from capenh_pipeline.errors import ConfigurationError, ModelError, ServerError
from capenh_pipeline.models.base import MergeRequest
from capenh_pipeline.models.llm import LlmSettings, OpenAiLanguageModel
from capenh_pipeline.models.local_server import LocalLanguageModel, LocalServer
from capenh_pipeline.models.local_server_process import server_environment
from capenh_pipeline_tests.models.llm_rows import merged

MERGE_LLM = Path(capenh_pipeline.demo.__file__).parent / "models" / "merge-llm"

MERGES = {
    (None, "A red circle."): "A red circle.",
    ("sks circle", "A red circle."): "A red sks circle.",
    ("sks", "A red circle."): "sks, a red circle.",
}

OWNER = """
import os, sys
from capenh_pipeline.models.local_server import LocalServer
os.environ["TMPDIR"] = sys.argv[2]
with LocalServer(sys.argv[1]) as server:
    print(server.base_url, flush=True)
    sys.stdin.read()
"""


def settings(model):
    return LlmSettings(None, str(model), DEFAULT_LLM_SYSTEM_PROMPT)


def requests():
    return [MergeRequest(merge, user_message(merge[0], [(None, merge[1])])) for merge in MERGES]


def captions(llm):
    return {reply.key: reply.caption or reply.error for reply in merged(llm, requests())}


def is_listening(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_for_the_end(connection):
    """Wait until the process at the other end is gone: its sockets are closed then."""
    with contextlib.suppress(ConnectionResetError):
        assert connection.recv(1) == b""


@pytest.fixture(autouse=True)
def temporary_folder(tmp_path_factory, monkeypatch):
    """Keep the server's own folder where a test can look for it."""
    folder = tmp_path_factory.mktemp("temporary")
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


def test_a_local_model_merges_captions_and_its_server_is_gone_afterwards(
    temporary_folder, monkeypatch, tmp_path, caplog
):
    """The folder's name is one that `transformers serve` would take for a revision."""
    caplog.set_level(logging.INFO)
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    folder = tmp_path / "merge@home"
    folder.symlink_to(MERGE_LLM, target_is_directory=True)
    llm = LocalLanguageModel(settings(folder))
    llm.check()
    assert llm.effective_model == str(folder)
    assert captions(llm) == MERGES
    (port,) = set(re.findall(r"http://127\.0\.0\.1:(\d+)", caplog.text))
    assert not is_listening(int(port))
    assert not [*temporary_folder.iterdir()]


def test_a_server_answers_on_loopback_and_is_killed_with_its_owner(tmp_path):
    command = [sys.executable, "-c", OWNER, str(MERGE_LLM), str(tmp_path)]
    with subprocess.Popen(  # noqa: S603  # our own code
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout is not None
        base_url = owner.stdout.readline().strip()
        port = int(base_url.removeprefix("http://127.0.0.1:").removesuffix("/v1"))
        served = LlmSettings(base_url, str(MERGE_LLM), DEFAULT_LLM_SYSTEM_PROMPT)
        assert captions(OpenAiLanguageModel(served)) == MERGES
        with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
            os.kill(owner.pid, signal.SIGKILL)
            wait_for_the_end(connection)
    deadline = time.monotonic() + 60
    while is_listening(port):  # the kernel closes a dead process's sockets one after another
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_server_that_cannot_load_its_model_says_why_and_where_its_log_is(
    tmp_path, temporary_folder
):
    for file in MERGE_LLM.iterdir():
        if file.suffix != ".safetensors":
            (tmp_path / file.name).symlink_to(file)
    with pytest.raises(ServerError, match=r"did not start \(OSError: .*safetensors.*see its log, "):
        merged(LocalLanguageModel(settings(tmp_path)), requests())
    (folder,) = temporary_folder.iterdir()
    assert "Traceback" in (folder / "server.log").read_text()


def test_a_server_that_dies_ends_the_run_and_what_it_answered_is_kept(caplog):
    caplog.set_level(logging.INFO)
    replies = []

    def two_and_one_after_the_end():
        yield from requests()[:2]
        (pid,) = re.findall(r"Process (\d+) answers", caplog.text)
        os.kill(int(pid), signal.SIGKILL)
        yield requests()[2]

    one_by_one = replace(settings(MERGE_LLM), concurrency=1, backoff_s=0.01)
    with pytest.raises(ServerError, match=r"server for .*merge-llm died \(.*see its log, "):
        LocalLanguageModel(one_by_one).merge(two_and_one_after_the_end(), replies.append)
    assert [reply.caption for reply in replies] == [*MERGES.values()][:2]


def test_a_server_that_is_not_ready_in_time_is_stopped(temporary_folder):
    server = LocalServer(str(MERGE_LLM), ready_timeout_s=0.05)
    with pytest.raises(ServerError, match=r"was not ready after 0\.05 s"), server:
        pass
    assert not server.is_running
    assert [*temporary_folder.glob("*/server.log")]


def test_without_a_request_no_server_is_started(temporary_folder):
    assert merged(LocalLanguageModel(settings(MERGE_LLM)), []) == []
    assert not [*temporary_folder.iterdir()]


@pytest.mark.parametrize("asks", ["check", "merge"])
def test_a_folder_that_is_missing_is_named_before_anything_starts(asks, tmp_path, temporary_folder):
    llm = LocalLanguageModel(settings(tmp_path / "nowhere"))
    with pytest.raises(ModelError, match="nowhere"):
        llm.check() if asks == "check" else merged(llm, requests())
    assert not [*temporary_folder.iterdir()]


def test_a_folder_without_a_checkpoint_is_named(tmp_path):
    with pytest.raises(ModelError, match=r"config\.json"):
        LocalLanguageModel(settings(tmp_path)).check()


def test_a_model_must_be_named():
    with pytest.raises(ConfigurationError, match="--model"):
        LocalLanguageModel(LlmSettings(None, None, ""))


def test_the_server_gets_its_threads_no_key_and_no_network_it_does_not_need():
    ours = {"PATH": "/bin", "OPENAI_API_KEY": "sk-canary", "OMP_NUM_THREADS": "64"}
    theirs = server_environment(ours, threads=1, is_offline=True)
    assert (theirs["PATH"], theirs["OMP_NUM_THREADS"], theirs["HF_HUB_OFFLINE"]) == (
        "/bin",
        "1",
        "1",
    )
    assert "OPENAI_API_KEY" not in theirs
    assert "HF_HUB_OFFLINE" not in server_environment(ours, threads=1, is_offline=False)
