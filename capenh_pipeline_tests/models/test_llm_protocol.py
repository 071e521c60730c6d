"""Parameters that a model does not take, and how that is found out once."""

import pytest

from capenh_pipeline.models.llm import OpenAiLanguageModel
from capenh_pipeline_tests.fakes.llm_server import (
    FakeLlmServer,
    Response,
    error_body,
    merge_reply,
)
from capenh_pipeline_tests.models.llm_rows import ask, merged, rows, settings


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        ({"prompt_tokens": 10**30, "completion_tokens": 5}, (0, 5)),
        ({"prompt_tokens": 3 * 10**9, "completion_tokens": 5}, (0, 5)),
        ({"prompt_tokens": -7, "completion_tokens": -1}, (0, 0)),
        ({"prompt_tokens": "7", "completion_tokens": None}, (0, 0)),
    ],
)
def test_a_number_of_tokens_that_cannot_be_is_none(usage, tokens):
    body = {"choices": [{"message": {"content": "A dog."}}], "usage": usage}
    (reply,), _ = ask(lambda payload: Response(body=body))
    assert (reply.caption, reply.prompt_tokens, reply.completion_tokens) == ("A dog.", *tokens)


def test_a_finish_reason_is_a_short_text_that_a_table_can_hold():
    (reply,), _ = ask(lambda payload: Response("A dog.", finish_reason="st\ud83dop" + "x" * 9999))
    assert reply.caption == "A dog."
    assert str(reply.finish_reason).startswith("stopx")
    assert len(str(reply.finish_reason)) <= 300


class TestParametersThatAModelDoesNotTake:
    """The words are those of OpenAI's reasoning models, and of others."""

    @pytest.mark.parametrize(
        "body",
        [
            {
                "message": "Unsupported parameter: 'max_tokens' is not supported with this model. "
                "Use 'max_completion_tokens' instead.",
                "param": "max_tokens",
                "code": "unsupported_parameter",
            },
            {"message": "max_tokens: Extra inputs are not permitted"},
        ],
    )
    def test_the_length_limit_is_renamed_for_the_rest_of_the_run(self, body):
        def reply(payload):
            refused = Response(status=400, body={"error": body})
            return refused if "max_tokens" in payload else merge_reply(payload)

        replies, received = ask(reply, 3, max_tokens=77)
        assert [(reply.error, reply.attempts) for reply in replies] == [(None, 1)] * 3
        assert ["max_tokens" in request.body for request in received] == [True, *[False] * 3]
        assert received[-1].body["max_completion_tokens"] == 77

    @pytest.mark.parametrize(
        "body",
        [
            {
                "message": "Unsupported value: 'temperature' does not support 0 with this model. "
                "Only the default (1) value is supported.",
                "param": "temperature",
                "code": "unsupported_value",
            },
            {"message": "`temperature` is deprecated for this model."},
        ],
    )
    def test_the_temperature_is_dropped_for_the_rest_of_the_run(self, body):
        def reply(payload):
            refused = Response(status=400, body={"error": body})
            return refused if "temperature" in payload else merge_reply(payload)

        replies, received = ask(reply, 3)
        assert [(reply.error, reply.attempts) for reply in replies] == [(None, 1)] * 3
        assert ["temperature" in request.body for request in received] == [True, *[False] * 3]

    def test_both_are_learnt_with_many_requests_in_flight(self):
        def reply(payload):
            for name in ("max_tokens", "temperature"):
                if name in payload:
                    body = error_body(f"Unsupported parameter: '{name}'", "unsupported_parameter")
                    return Response(status=400, body=body)
            return merge_reply(payload)

        with FakeLlmServer(reply, delay_s=0.01) as server:
            replies = merged(OpenAiLanguageModel(settings(server.base_url)), rows(40))
        assert [(reply.error, reply.attempts) for reply in replies] == [(None, 1)] * 40

    def test_a_limit_that_is_too_large_is_the_row_s_own_failure(self):
        words = "max_tokens is too large: 9999. This model supports at most 4096 tokens."
        (reply,), received = ask(lambda payload: Response(status=400, body=error_body(words)))
        assert (reply.error_kind, len(received)) == ("rejected", 1)

    def test_a_model_that_refuses_what_is_not_sent_fails_the_row(self):
        refused = Response(status=400, body=error_body("temperature is not supported"))
        (reply,), received = ask(lambda payload: refused)
        assert (reply.error_kind, len(received)) == ("rejected", 2)
