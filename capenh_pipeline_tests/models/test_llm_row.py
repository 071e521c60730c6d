"""Answers that will not do: what the LLM is told about them, and what the row says in the end."""

import pytest

from capenh_pipeline.domain.fusion.verdict import Verdict
from capenh_pipeline.errors import RowError
from capenh_pipeline.models.llm import OpenAiLanguageModel
from capenh_pipeline_tests.fakes.llm_server import (
    FakeLlmServer,
    Response,
    error_body,
    first_then_merge,
)
from capenh_pipeline_tests.models.llm_rows import ask, merged, request, settings

FAULTY = {
    "length": (Response("A dog", finish_reason="length"), "--llm_max_tokens"),
    "content_filter": (Response("A", finish_reason="content_filter"), "content filter"),
    "refusal": (Response(None, message={"refusal": "I can't."}), "I can't."),
    "empty": (Response(None), "no caption"),
}


LOST = RowError("term_lost", 'it leaves out "sks"')


def strict(answer):
    """Judge as the pipeline does: a fault has a kind and words for the LLM."""
    fault = None if "sks" in answer else LOST
    return Verdict(answer, 0.5, 1.0, ("quotes",), fault)


def asked(*answers, **changes):
    """Return the reply to one strict row and the messages of each request for it."""
    with FakeLlmServer(first_then_merge(*answers)) as server:
        llm = OpenAiLanguageModel(settings(server.base_url, **changes))
        message = "<manual_caption>\nsks dog\n</manual_caption>"
        (reply,) = merged(llm, [request("key", message, judge=strict)])
        return reply, [received.body["messages"] for received in server.requests]


def test_a_rejected_answer_is_asked_for_again_with_its_fault():
    reply, conversations = asked(Response("A dog."))
    assert (reply.caption, reply.attempts, reply.verdict) == ("sks dog", 2, strict("sks dog"))
    first, second = conversations
    assert second == [
        *first,
        {"role": "assistant", "content": "A dog."},
        {
            "role": "user",
            "content": 'Your answer was rejected: it leaves out "sks". '
            "Answer again with the caption alone.",
        },
    ]


def test_the_last_verdict_and_its_fault_are_kept_when_no_answer_will_do():
    reply, conversations = asked(*[Response(f"A dog {i}.") for i in range(5)])
    assert (reply.caption, reply.error_kind, reply.error) == (
        None,
        "term_lost",
        'it leaves out "sks"',
    )
    assert reply.verdict == strict("A dog 2.")
    assert [len(messages) for messages in conversations] == [2, 4, 6]


def test_an_answer_without_a_second_attempt_is_asked_for_once():
    reply, conversations = asked(Response("A dog."), llm_attempts=1)
    assert (reply.error_kind, len(conversations)) == ("term_lost", 1)


def test_tokens_and_latency_of_all_answers_are_added_up():
    with FakeLlmServer(lambda payload: "A dog.", delay_s=0.05) as server:
        llm = OpenAiLanguageModel(settings(server.base_url))
        (reply,) = merged(llm, [request("key", "dog", judge=strict)])
    assert (reply.prompt_tokens, reply.completion_tokens, reply.attempts) == (33, 21, 3)
    assert reply.latency_s >= 0.15


@pytest.mark.parametrize("kind", FAULTY)
def test_an_answer_that_is_none_is_asked_for_again(kind):
    answer, words = FAULTY[kind]
    (mended, _), received = ask(first_then_merge(answer), 2)
    assert (mended.caption, mended.attempts) == ("sks 0, A dog, 0.", 2)
    assert words in received[1].user_message
    assert len(received) == 3


@pytest.mark.parametrize("kind", FAULTY)
def test_an_answer_that_is_none_again_and_again_fails_its_row(kind):
    answer, words = FAULTY[kind]
    (bad, good), received = ask(first_then_merge(answer, answer, answer), 2)
    assert (bad.verdict, bad.error_kind, bad.attempts) == (None, kind, 3)
    assert words in str(bad.error)
    assert good.error is None
    assert len(received) == 4


def test_without_a_text_to_answer_the_roles_still_take_turns():
    reply, conversations = asked(Response(None))
    first, second = conversations
    assert [message["role"] for message in second] == ["system", "user"]
    assert second[1]["content"].startswith(first[1]["content"] + "\n\nYour answer was rejected: ")
    assert reply.caption == "sks dog"


@pytest.mark.parametrize("text", ["<think>on and on", " \n", "\u200b"])
def test_an_answer_with_nothing_in_it_is_empty(text):
    (reply,), _ = ask(lambda payload: text)
    assert reply.error_kind == "empty"


def test_thoughts_and_broken_characters_are_not_sent_back():
    reply, (_, second) = asked(Response("<think>hm</think>A \ud83d wolf."), llm_attempts=2)
    assert reply.caption == "sks dog"
    assert second[2] == {"role": "assistant", "content": "A  wolf."}


def test_a_conversation_that_the_server_rejects_ends_with_the_answer_it_had():
    too_long = Response(status=400, body=error_body("context too long"))
    reply, conversations = asked(Response("A dog."), too_long)
    assert (reply.error_kind, reply.verdict) == ("term_lost", strict("A dog."))
    assert len(conversations) == reply.attempts == 2


def test_a_server_that_fails_after_a_rejected_answer_is_why_the_row_failed():
    broken = Response(status=500, body=error_body("oops"))
    reply, _ = asked(Response("A dog."), broken, broken, max_attempts=2)
    assert (reply.error_kind, reply.attempts) == ("server_error", 3)
    assert "answered 500 in each of 2 tries" in str(reply.error)
    assert reply.verdict == strict("A dog.")
