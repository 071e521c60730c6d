"""An LLM behind a server: what is sent, what comes back, and what is found out before."""

import itertools
import logging
import subprocess
import sys
import threading

import pytest

from capenh_pipeline.errors import ConfigurationError, ServerError
from capenh_pipeline.models.base import MergeReply
from capenh_pipeline.models.llm import OpenAiLanguageModel
from capenh_pipeline_tests.fakes.llm_server import (
    DEFAULT_MODEL,
    FakeLlmServer,
    Response,
    error_body,
)
from capenh_pipeline_tests.models.llm_rows import accepted, merged, request, rows, settings

KEY = "sk-canary-0123456789"


def test_every_request_is_answered_once_under_its_own_key():
    with FakeLlmServer() as server:
        replies = merged(OpenAiLanguageModel(settings(server.base_url)), rows(30))
    captions = {reply.key: reply.caption for reply in replies}
    assert captions == {("row", i): f"sks {i}, A dog, {i}." for i in range(30)}
    assert len(server.requests) == 30


def test_a_reply_tells_tokens_finish_reason_and_attempts():
    with FakeLlmServer() as server:
        (reply,) = merged(OpenAiLanguageModel(settings(server.base_url)), rows(1))
    verdict = accepted("sks 0, A dog, 0.")
    expected = MergeReply(("row", 0), verdict, None, None, "stop", 11, 7, 1, reply.latency_s)
    assert reply == expected
    assert reply.caption == "sks 0, A dog, 0."


def test_a_request_carries_both_prompts_the_options_and_the_model():
    with FakeLlmServer() as server:
        llm = OpenAiLanguageModel(settings(server.base_url, max_tokens=99, temperature=0.5))
        merged(llm, rows(1))
    (received,) = server.requests
    assert received.body == {
        "model": DEFAULT_MODEL,
        "messages": [
            {"role": "system", "content": "Merge."},
            {"role": "user", "content": rows(1)[0].user_message},
        ],
        "max_tokens": 99,
        "temperature": 0.5,
    }


def test_without_a_request_nothing_is_sent_and_openai_is_not_imported():
    code = (
        "import sys; from capenh_pipeline.models.llm import LlmSettings, OpenAiLanguageModel;"
        "llm = OpenAiLanguageModel(LlmSettings('http://127.0.0.1:9/v1', 'm'));"
        "llm.merge([], print); assert 'openai' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)  # noqa: S603  # our own code


def test_requests_in_flight_are_bounded_and_of_endless_rows_few_are_read_ahead():
    pulled, emitted = [], []

    class EnoughError(Exception):
        pass

    def endless():
        for number in itertools.count():
            pulled.append(number)
            assert len(pulled) - len(emitted) <= 2 * 8
            yield request(number, "A dog.")

    def emit(reply):
        emitted.append(reply)
        if len(emitted) == 40:
            raise EnoughError

    with FakeLlmServer(together=8) as server:
        llm = OpenAiLanguageModel(settings(server.base_url, concurrency=8))
        with pytest.raises(EnoughError):
            llm.merge(endless(), emit)
    assert len(pulled) <= 40 + 2 * 8
    assert server.max_in_flight == 8


def test_replies_are_emitted_on_the_calling_thread_whichever_it_is():
    threads = []

    def merge_in_thread():
        llm = OpenAiLanguageModel(settings(server.base_url))
        llm.merge(rows(3), lambda reply: threads.append(threading.current_thread()))

    with FakeLlmServer() as server:
        caller = threading.Thread(target=merge_in_thread)
        caller.start()
        caller.join()
    assert threads == [caller] * 3


def test_one_model_can_merge_again_and_again():
    with FakeLlmServer() as server:
        llm = OpenAiLanguageModel(settings(server.base_url))
        assert len(merged(llm, rows(2)) + merged(llm, rows(2))) == 4
    assert llm.effective_model == DEFAULT_MODEL


def test_reasoning_never_becomes_a_caption():
    with FakeLlmServer(lambda payload: "<think>hm</think>\nA fox.") as server:
        (reply,) = merged(OpenAiLanguageModel(settings(server.base_url)), rows(1))
    assert reply.caption == "A fox."


@pytest.mark.parametrize("asks", ["merge", "check"])
def test_the_key_is_sent_to_the_server_and_shown_nowhere(asks, caplog):
    caplog.set_level(logging.DEBUG)
    with FakeLlmServer(api_key="sk-another-0123456789") as server:
        llm = OpenAiLanguageModel(settings(server.base_url), api_key=f" {KEY}\n")
        with pytest.raises(ServerError, match=r"refuses the API key.*OPENAI_API_KEY") as caught:
            llm.check() if asks == "check" else merged(llm, rows(1))
    assert all(request.headers["authorization"] == f"Bearer {KEY}" for request in server.requests)
    assert KEY not in f"{caught.value} {caught.value.__cause__} {caught.value.__context__}"
    assert KEY not in f"{llm!r} {vars(llm)!r} {caplog.text}"


def test_a_key_in_a_long_answer_is_not_cut_in_half():
    answer = Response(status=400, body=error_body("x" * 290 + f" {KEY} " + "x" * 90))
    with FakeLlmServer(lambda payload: answer) as server:
        llm = OpenAiLanguageModel(settings(server.base_url), api_key=KEY)
        (reply,) = merged(llm, rows(1))
    assert reply.error is not None
    assert "sk-" not in reply.error


def test_a_server_without_keys_gets_a_placeholder_and_nothing_from_the_environment(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_ADMIN_KEY", KEY)
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-of-the-environment")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "project-of-the-environment")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", f"Authorization: Bearer {KEY}")
    with FakeLlmServer() as server:
        merged(OpenAiLanguageModel(settings(server.base_url)), rows(1))
    headers = server.requests[0].headers
    assert headers["authorization"] == "Bearer none"
    assert "environment" not in str(headers)


def test_a_server_on_this_machine_is_asked_past_a_proxy(monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with FakeLlmServer() as server:
        OpenAiLanguageModel(settings(server.base_url)).check()
        (reply,) = merged(OpenAiLanguageModel(settings(server.base_url)), rows(1))
    assert reply.error is None


@pytest.mark.parametrize(
    "base_url", ["127.0.0.1:8000/v1", "localhost", "ftp://x/v1", "http://", "http://[::1", ""]
)
def test_an_address_that_cannot_be_one_is_named(base_url):
    with pytest.raises(ConfigurationError, match=r"--base_url is .* must look like http://"):
        OpenAiLanguageModel(settings(base_url))


def test_nor_is_a_password_shown_in_an_address_that_is_none():
    with pytest.raises(ConfigurationError, match="--base_url is 'host/v1'") as caught:
        OpenAiLanguageModel(settings("user:secret@host/v1"))
    assert "secret" not in str(caught.value)


def test_a_key_that_cannot_be_one_is_not_shown():
    with pytest.raises(ConfigurationError, match="OPENAI_API_KEY") as caught:
        OpenAiLanguageModel(settings("http://127.0.0.1:9/v1"), api_key="sk-secret schlüssel")
    assert "secret" not in str(caught.value)


def test_without_server_and_key_the_options_are_named():
    with pytest.raises(ConfigurationError, match=r"--base_url or OPENAI_API_KEY"):
        OpenAiLanguageModel(settings(None))


def test_an_address_with_a_password_is_shown_without_it():
    llm = OpenAiLanguageModel(settings("http://user:secret@127.0.0.1:9/v1?code=secret"))
    with pytest.raises(ServerError, match=r"http://127\.0\.0\.1:9/v1") as caught:
        llm.check()
    assert "secret" not in str(caught.value)


class TestCheck:
    def test_passes_a_server_that_lists_the_model(self, caplog):
        with FakeLlmServer(models=("other", DEFAULT_MODEL)) as server:
            OpenAiLanguageModel(settings(server.base_url)).check()
        assert server.model_lists == 1
        assert not server.requests
        assert not caplog.records

    def test_knows_that_latest_may_be_left_out(self, caplog):
        with FakeLlmServer(models=("llama:latest",)) as server:
            OpenAiLanguageModel(settings(server.base_url, model="llama")).check()
        assert not caplog.records

    def test_finds_out_that_a_model_is_unknown_and_names_those_that_are_not(self):
        with FakeLlmServer(models=("a", "b")) as server:
            with pytest.raises(ServerError, match=r"does not know the model 'lora'.*a, b"):
                OpenAiLanguageModel(settings(server.base_url, model="lora")).check()
            assert [request.body["max_tokens"] for request in server.requests] == [1]

    def test_lets_pass_a_model_that_is_served_and_not_listed(self):
        some = Response(body={"object": "list", "data": [{"id": "a"}]})
        with FakeLlmServer(models=None, model_list=some) as server:
            OpenAiLanguageModel(settings(server.base_url, model="lora")).check()
            assert len(server.requests) == 1

    @pytest.mark.parametrize("status", [404, 405, 429, 500, 501, 503])
    def test_lets_pass_a_server_whose_list_fails(self, status):
        broken = Response(status=status, body=error_body("no list"))
        with FakeLlmServer(model_list=broken) as server:
            OpenAiLanguageModel(settings(server.base_url)).check()

    @pytest.mark.parametrize("answer", [Response(drop=True), Response(raw=b"<html>")])
    def test_lets_pass_a_server_whose_list_is_garbled(self, answer):
        with FakeLlmServer(model_list=answer) as server:
            OpenAiLanguageModel(settings(server.base_url)).check()

    def test_finds_out_that_no_server_answers(self):
        with FakeLlmServer() as server:
            base_url = server.base_url
        with pytest.raises(ServerError) as caught:
            OpenAiLanguageModel(settings(base_url)).check()
        assert str(caught.value).startswith(f"No LLM server answers at {base_url} (")
        assert "Connect call failed" in str(caught.value)
        assert str(caught.value).endswith("): start it or set --base_url.")

    def test_finds_out_that_the_host_does_not_exist(self):
        with pytest.raises(ServerError, match="No LLM server answers at http://no-such-host"):
            OpenAiLanguageModel(settings("http://no-such-host.invalid/v1")).check()


class TestModelThatIsNotNamed:
    @pytest.mark.parametrize("asks", ["merge", "check"])
    def test_is_the_only_one_that_the_server_lists(self, asks):
        with FakeLlmServer(models=("the-only-one",)) as server:
            llm = OpenAiLanguageModel(settings(server.base_url, model=None))
            assert llm.effective_model is None
            llm.check() if asks == "check" else merged(llm, rows(2))
            assert llm.effective_model == "the-only-one"
            merged(llm, rows(1))
        assert {request.model for request in server.requests} == {"the-only-one"}
        assert server.model_lists == 1

    @pytest.mark.parametrize("asks", ["merge", "check"])
    @pytest.mark.parametrize(
        ("models", "words"),
        [
            (("a", "b"), r"offers several models \(a, b\): name one with --model"),
            ((), "lists no model: name one with --model"),
            ([str(i) for i in range(12)], r"8, 9 and 2 more\): name one with --model"),
        ],
    )
    def test_must_be_named_where_there_is_not_exactly_one(self, asks, models, words):
        with FakeLlmServer(models=models) as server:
            llm = OpenAiLanguageModel(settings(server.base_url, model=None))
            with pytest.raises(ConfigurationError, match=words):
                llm.check() if asks == "check" else merged(llm, rows(1))
        assert not server.requests

    def test_must_be_named_where_there_is_no_list(self):
        with FakeLlmServer(models=None) as server:
            llm = OpenAiLanguageModel(settings(server.base_url, model=None))
            with pytest.raises(ConfigurationError, match="does not say which models it has"):
                merged(llm, rows(1))
