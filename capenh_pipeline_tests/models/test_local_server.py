"""The embedded LLM server: a real `transformers serve` with the demo's merge model."""

import contextlib
import json
import logging
import os
import re
import signal
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import capenh_pipeline.demo
from capenh_pipeline.domain.prompts import user_message
from capenh_pipeline.errors import ConfigurationError, ModelError, ServerError
from capenh_pipeline.models.checkpoints import locate_model
from capenh_pipeline.models.llm import LlmSettings, OpenAiLanguageModel
from capenh_pipeline.models.local_server import LocalLanguageModel
from capenh_pipeline.models.local_server_batching import ONE_BY_ONE, batching, unbatched_settings
from capenh_pipeline.models.local_server_process import server_environment
from capenh_pipeline.models.local_server_run import LocalServer
from capenh_pipeline_tests.models.llm_rows import merged, request
from capenh_pipeline_tests.processes import processes, wait_until

MERGE_LLM = Path(capenh_pipeline.demo.__file__).parent / "models" / "merge-llm"

MERGES = {
    (None, "A red circle."): "A red circle.",
    ("sks circle", "A red circle."): "A red sks circle.",
    ("sks", "A red circle."): "sks, a red circle.",
}

COLOURS = ("red", "blue", "green", "black")

OWNER = """
import os, sys
from capenh_pipeline.models.local_server_run import LocalServer
os.environ["TMPDIR"] = sys.argv[2]
with LocalServer(sys.argv[1]) as server:
    print(server.base_url, flush=True)
    sys.stdin.read()
"""


def settings(model):
    return LlmSettings(None, str(model), backoff_s=0.01)


def requests(merges=tuple(MERGES)):
    return [request(merge, user_message(merge[0], [(None, merge[1])])) for merge in merges]


def captions(llm, asked=None):
    asked = requests() if asked is None else asked
    return {reply.key: reply.caption or reply.error for reply in merged(llm, asked)}


def save_mamba(folder):
    """A checkpoint without attention, whose answers mean nothing."""
    import torch
    from transformers import MambaConfig, MambaForCausalLM

    torch.manual_seed(0)
    config = MambaConfig(
        vocab_size=640, hidden_size=32, num_hidden_layers=1, pad_token_id=0, eos_token_id=2
    )
    MambaForCausalLM(config).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        (folder / name).symlink_to(MERGE_LLM / name)


def local_servers():
    """The command of each server that this process started."""
    ours = (one.command for one in processes() if one.parent == os.getpid())
    return [command for command in ours if "local_server_script" in command]


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


@pytest.mark.slow
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


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_a_server_answers_on_loopback_and_ends_with_its_owner(end, tmp_path):
    command = [sys.executable, "-c", OWNER, str(MERGE_LLM), str(tmp_path)]
    with subprocess.Popen(  # noqa: S603  # our own code
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout is not None
        base_url = owner.stdout.readline().strip()
        port = int(base_url.removeprefix("http://127.0.0.1:").removesuffix("/v1"))
        served = LlmSettings(base_url, str(MERGE_LLM))
        assert captions(OpenAiLanguageModel(served)) == MERGES
        with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
            os.kill(owner.pid, end)
            wait_for_the_end(connection)
    wait_until(lambda: not is_listening(port))  # a dead process's sockets are closed one by one


@pytest.mark.slow
def test_a_server_ends_with_the_run_that_fails_at_its_first_caption(caplog):
    caplog.set_level(logging.INFO)

    def fail(reply):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        LocalLanguageModel(settings(MERGE_LLM)).merge(requests(), fail)
    (port,) = set(re.findall(r"http://127\.0\.0\.1:(\d+)", caplog.text))
    assert not is_listening(int(port))


@pytest.mark.slow
def test_rows_are_answered_several_at_once_as_one_by_one(caplog):
    shapes = [f"{colour} {shape}" for colour in COLOURS for shape in ("circle", "star", "cross")]
    asked = requests([("sks", f"A {shape}.") for shape in shapes])
    one_by_one = captions(LocalLanguageModel(settings(MERGE_LLM), service=ONE_BY_ONE), asked)
    seen = []
    LocalLanguageModel(settings(MERGE_LLM)).merge(
        asked, lambda reply: seen.append((reply.key, reply.caption, local_servers()))
    )
    assert {key: caption for key, caption, _ in seen} == one_by_one
    assert all("--continuous-batching" in command for _, _, (command,) in seen)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.mark.soak
def test_a_row_longer_than_the_cache_is_answered_and_costs_no_other_row(caplog):
    """It ends the server's worker, and the rows that the worker had."""
    long = ("sks", "A red circle. " * 40)
    asked = requests([*MERGES, long, *((f"{i} sks", "A red circle.") for i in range(4))])
    llm = LocalLanguageModel(settings(MERGE_LLM), service=batching(cache_tokens=256))
    replies = merged(llm, asked)
    assert sorted(reply.key[0] or "" for reply in replies) == sorted(
        row.key[0] or "" for row in asked
    )
    answered = {reply.key: reply.caption for reply in replies if reply.finish_reason == "stop"}
    assert MERGES.items() <= answered.items()
    assert all(reply.finish_reason for reply in replies)
    assert caplog.text.count("answer one by one") == 1


@pytest.mark.slow
def test_an_architecture_that_cannot_be_batched_answers_one_by_one(tmp_path, caplog):
    save_mamba(tmp_path)
    replies = merged(LocalLanguageModel(replace(settings(tmp_path), max_tokens=4)), requests())
    assert [reply.finish_reason for reply in replies] == ["length"] * 3
    assert caplog.text.count("answer one by one") == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("repetition_penalty", 1.1),
        pytest.param("bad_words_ids", [[9]], marks=pytest.mark.soak),
    ],
)
def test_a_checkpoint_whose_settings_batching_would_drop_is_asked_one_by_one(
    name, value, tmp_path, caplog
):
    for file in MERGE_LLM.iterdir():
        if file.name != "generation_config.json":
            (tmp_path / file.name).symlink_to(file)
    ours = json.loads((MERGE_LLM / "generation_config.json").read_text())
    (tmp_path / "generation_config.json").write_text(json.dumps({**ours, name: value}))
    assert unbatched_settings(locate_model(str(tmp_path)), None) == [name]
    commands = []
    LocalLanguageModel(settings(tmp_path)).merge(
        requests(), lambda reply: commands.extend(local_servers())
    )
    assert commands
    assert not [command for command in commands if "--continuous-batching" in command]
    assert f"generation_config.json sets {name}." in caplog.text


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_server_that_dies_ends_the_run_and_what_it_answered_is_kept(caplog):
    caplog.set_level(logging.INFO)
    replies = []

    def kill_at_the_second(reply):
        replies.append(reply)
        if len(replies) == 2:
            (pid,) = re.findall(r"Process (\d+) answers", caplog.text)
            os.kill(int(pid), signal.SIGKILL)

    one_by_one = replace(settings(MERGE_LLM), concurrency=1)
    with pytest.raises(ServerError, match=r"server for .*merge-llm died \(.*see its log, "):
        LocalLanguageModel(one_by_one).merge(requests([*MERGES] * 8), kill_at_the_second)
    assert 2 <= len(replies) < 24
    assert all(reply.caption == MERGES[reply.key] for reply in replies)


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
        LocalLanguageModel(LlmSettings(None, None))


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
