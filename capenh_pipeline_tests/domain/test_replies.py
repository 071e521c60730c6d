"""What becomes of an LLM's answer."""

import pytest

from capenh_pipeline.domain.replies import caption_of, check_finish_reason, one_line
from capenh_pipeline.errors import RowError


@pytest.mark.parametrize(
    "answer",
    [
        "A red fox.",
        "  \n A red fox. \n\n",
        "<think>a fox, I see</think>A red fox.",
        "<think>\nline\nline\n</think>\n\nA red fox.",
        "<THINK>loud</Think> A red fox.",
        "<thinking>long</thinking>A red fox.",
        "<reasoning effort='high'>why</reasoning>A red fox.",
        "<thought>hm</thought>A red fox.",
        "<seed:think>hm</seed:think>A red fox.",
        "<think></think>A red fox.",
        "< think >spaced</ think >A red fox.",
        "<think>first</think><think>second</think>A red fox.",
        "<think>outer<think>inner</think>outer</think>A red fox.",
        "the opening was in the template</think>A red fox.",
        "thoughts </thinking> more thoughts </think> A red fox.",
        "A red fox.<think>was that right?",
        "A red fox.\n<think>was that right?</think>",
        "\ufeffA red fox.\u200b",
        "\x00A red\x07 fox.\x1b",
        "A red fox.\ud83d",
    ],
)
def test_a_caption_is_left_when_reasoning_white_space_and_control_characters_are_gone(answer):
    assert caption_of(answer) == "A red fox."


@pytest.mark.parametrize(
    "answer",
    [
        None,
        "",
        " \n\t ",
        "<think>cut off in the middle of a thou",
        "<think>all thoughts</think>\n",
        "thoughts only</think>",
        "\u200b \ufeff",
        "\x00\x1b",
    ],
)
def test_an_answer_without_a_caption_is_empty(answer):
    with pytest.raises(RowError) as caught:
        caption_of(answer)
    assert caught.value.kind == "empty"


@pytest.mark.parametrize(
    "caption",
    [
        "A thinker on a rock.",
        "I think <3 is a heart.",
        "<thinker> is written on the sign.",
        "一行目\n二行目",
        "👩‍🚀 an astronaut, sks, 50 % <b>",
        "tab\tin it",
    ],
)
def test_a_plain_caption_stays_as_it_is(caption):
    assert caption_of(caption) == caption


def test_line_ends_of_windows_become_plain_ones():
    assert caption_of("one\r\ntwo\rthree") == "one\ntwo\nthree"


@pytest.mark.parametrize("finish_reason", ["stop", None, "eos", "end_turn"])
def test_a_finished_answer_passes(finish_reason):
    check_finish_reason(finish_reason, refusal=None)


@pytest.mark.parametrize("finish_reason", ["length", "content_filter"])
def test_an_unfinished_answer_fails_its_row_with_the_server_s_reason(finish_reason):
    with pytest.raises(RowError) as caught:
        check_finish_reason(finish_reason)
    assert caught.value.kind == finish_reason


def test_a_refusal_comes_before_the_finish_reason_and_is_quoted():
    with pytest.raises(RowError, match="I can't do that") as caught:
        check_finish_reason("length", refusal="I can't\ndo that")
    assert caught.value.kind == "refusal"


def test_long_texts_are_cut_and_put_on_one_line_for_an_error_message():
    assert one_line("a\n\n b\x00\t c") == "a b c"
    assert one_line("x" * 20, max_chars=10) == "xxxxxxxxx…"
