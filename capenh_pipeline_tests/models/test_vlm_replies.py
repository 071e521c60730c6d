from typing import Any

import pytest

from capenh_pipeline.demo.checkpoints import FLORENCE_FOLDER
from capenh_pipeline.models.vlm_replies import ReplyReader, clean_caption, marker_texts

END, PADDING = 2, 1


@pytest.fixture(scope="module")
def tokenizer():
    from transformers import AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(FLORENCE_FOLDER)
    tokenizer.add_tokens(["<loc_17>", "<think>", "</think>", "kitten"])
    return tokenizer


@pytest.fixture(scope="module")
def reader(tokenizer):
    return ReplyReader(tokenizer, end_ids=frozenset({END}))


def tokens(tokenizer, text: str) -> list[int]:
    return tokenizer(text, add_special_tokens=False).input_ids


def test_a_caption_ends_at_its_end_token_and_padding_is_not_counted(tokenizer, reader):
    words = tokens(tokenizer, "A red circle.")
    reply = reader.read([0, *words, END, PADDING, PADDING])
    assert (reply.caption, reply.finish_reason) == ("A red circle.", "stop")
    assert reply.new_tokens == len(words) + 2


def test_a_caption_without_its_end_token_was_cut_off(tokenizer, reader):
    words = tokens(tokenizer, "A red circle and")
    reply = reader.read(words)
    assert (reply.caption, reply.finish_reason) == ("A red circle and", "length")
    assert reply.new_tokens == len(words)


def test_what_follows_the_end_token_is_no_caption(tokenizer, reader):
    row = [*tokens(tokenizer, "A star."), END, *tokens(tokenizer, " A square.")]
    assert reader.read(row).caption == "A star."


@pytest.mark.parametrize("marker", ["<|im_end|>", "<|eot_id|>", "<|end_of_text|>"])
def test_another_models_markers_spelt_out_in_letters_are_taken_out(tokenizer, marker):
    assert clean_caption(f"A star.{marker}", marker_texts(tokenizer)) == "A star."


def test_markers_never_reach_a_caption(tokenizer, reader):
    row = [
        tokenizer.convert_tokens_to_ids("<image>"),
        *tokens(tokenizer, "A <loc_17>red<mask> star<pad>."),
        END,
    ]
    assert reader.read(row).caption == "A red star."


def test_words_that_were_added_to_the_vocabulary_stay(tokenizer, reader):
    assert reader.read(tokens(tokenizer, "A kitten.")).caption == "A kitten."


def test_reasoning_never_reaches_a_caption(tokenizer, reader):
    row = tokens(tokenizer, "<think>A red or a blue star?</think>A red star.")
    assert reader.read(row).caption == "A red star."


def test_a_character_that_was_cut_in_half_is_dropped(tokenizer, reader):
    row = tokens(tokenizer, "A star é")[:-1]
    assert reader.read(row).caption == "A star"


def test_control_characters_never_reach_a_caption(tokenizer):
    markers = marker_texts(tokenizer)
    assert clean_caption("\ufeff A\x00 red\x1b star\r\nand\x07 a dot \n", markers) == (
        "A red star\nand a dot"
    )
    assert clean_caption("<s></s>\n", markers) == ""
