from itertools import islice

import pytest

from capenh_pipeline.demo.chance import seeded
from capenh_pipeline.demo.merge_llm import build_tokenizer, prompt_of
from capenh_pipeline.demo.merge_pairs import sample_pairs


@pytest.fixture(scope="module")
def tokenizer():
    return build_tokenizer()


def test_any_text_survives_the_tokenizer(tokenizer):
    text = "zuvo's Łódź 文字 🙂 <b>, a red circle"
    assert tokenizer.decode(tokenizer(text, add_special_tokens=False).input_ids) == text


def test_a_system_prompt_changes_nothing(tokenizer):
    conversation = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "merge this"}]},
    ]
    prompt = tokenizer.apply_chat_template(conversation, add_generation_prompt=True, tokenize=False)
    assert prompt == prompt_of(tokenizer, "merge this") == "<s>merge this\n<|assistant|>"


def test_pairs_fit_the_model(tokenizer):
    for pair in islice(sample_pairs(seeded(0), held_out=True), 100):
        text = prompt_of(tokenizer, pair.user_message) + pair.merged
        assert len(tokenizer(text).input_ids) < 256
