"""Tokens are counted with the tokenizer of a local folder."""

import re

import pytest

from capenh_pipeline.errors import ModelError
from capenh_pipeline.models.prompt_tokens import token_counter

WORDS = ["<begin>", "<end>", "<unknown>", "a", "dog", "sks", "."]


@pytest.fixture
def tokenizer_folder(tmp_path):
    """A tokenizer of whole words that reads at most five tokens, between a begin and an end."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    vocabulary = {word: place for place, word in enumerate(WORDS)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, "<unknown>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<begin> $A <end>", special_tokens=[("<begin>", 0), ("<end>", 1)]
    )
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=5).save_pretrained(
        tmp_path
    )
    return tmp_path


@pytest.mark.parametrize(
    ("text", "tokens"),
    [("", 2), ("a dog", 4), ("a sks dog.", 6), ("a dog a dog a dog a dog", 10)],
)
def test_special_tokens_count_and_no_text_is_cut(tokenizer_folder, text, tokens):
    assert token_counter(str(tokenizer_folder))(text) == tokens


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"config.json": '{"model_type": "clip"}'},
        {"tokenizer.json": "{"},
        {"tokenizer.json": '{"added_tokens": [], "model": {"type": "Unheard"}}'},
    ],
)
def test_a_folder_without_a_tokenizer_is_named_in_one_line(tmp_path, files):
    for name, text in files.items():
        (tmp_path / name).write_text(text)

    with pytest.raises(ModelError, match=re.escape(str(tmp_path))) as failure:
        token_counter(str(tmp_path))

    assert "\n" not in str(failure.value)


def test_a_folder_that_is_not_there_is_never_looked_for_elsewhere():
    with pytest.raises(ModelError, match="There is no tokenizer in openai/clip"):
        token_counter("openai/clip-vit-base-patch32")
