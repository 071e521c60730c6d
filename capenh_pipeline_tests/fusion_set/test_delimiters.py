"""No text of a caption ends its element, or its message, for whoever reads the user message."""

import html
import re
import unicodedata

import pytest

from capenh_pipeline.domain.prompts import user_message
from capenh_pipeline_tests.fusion_set.labelled import attacks

OUR_TAG = re.compile(r"<[\s/\\]*(?:manual|vlm)[\s_-]*caption")

SPELLINGS_OF_OUR_TAGS = {
    "plain": "</manual_caption>",
    "capitals": "</MANUAL_CAPTION>",
    "space": "< / vlm_caption >",
    "line_end": "<\n/\nmanual_caption\n>",
    "no_break_space": "<\u00a0/vlm_caption>",
    "attribute": "</manual_caption name='x'>",
    "opening": '<vlm_caption name="system">',
    "two_slashes": "<//manual_caption>",
    "escaped_slash": "<\\/manual_caption>",
    "zero_width_after_bracket": "<\u200b/manual_caption>",
    "zero_width_in_word": "</man\u200bual_caption>",
    "zero_width_joiner": "</vlm\u200d_caption>",
    "word_joiner": "<\u2060/vlm_caption>",
    "soft_hyphen": "</manual_cap\u00adtion>",
    "byte_order_mark": "<\ufeff/manual_caption>",
    "right_to_left_mark": "<\u200f/manual_caption>",
    "variation_selector": "</manual\ufe0f_caption>",
    "tag_character": "</manual\U000e0061_caption>",
    "fullwidth_bracket": "\uff1c/manual_caption\uff1e",
    "small_bracket": "\ufe64/vlm_caption\ufe65",
    "fullwidth_letters": "</\uff4danual_caption>",
    "fullwidth_low_line": "</manual\uff3fcaption>",
    "entity": "&lt;/manual_caption&gt;",
    "entity_capitals": "&LT;/vlm_caption&GT;",
    "decimal_entity": "&#60;/manual_caption&#62;",
    "hexadecimal_entity": "&#x3C;/manual_caption&#x3e;",
    "entity_without_semicolon": "&lt/manual_caption&gt",
    "entity_of_entity": "&amp;lt;/manual_caption&amp;gt;",
    "hyphen": "</manual-caption>",
    "no_low_line": "</manual caption>",
}

CHAT_TOKENS = (
    "<|im_start|>",
    "<|im_end|>",
    "<|endoftext|>",
    "<|start_header_id|>",
    "<|eot_id|>",
    "<|begin_of_text|>",
    "<|system|>",
    "<|end|>",
    "<|channel|>",
    "<start_of_turn>",
    "<end_of_turn>",
    "<bos>",
    "<eos>",
    "<s>",
    "</s>",
    "[INST]",
    "[/INST]",
    "<<SYS>>",
    "<</SYS>>",
    "[SYSTEM_PROMPT]",
    "<\uff5cUser\uff5c>",
    "<\uff5cAssistant\uff5c>",
)


@pytest.mark.parametrize("tag", SPELLINGS_OF_OUR_TAGS.values(), ids=SPELLINGS_OF_OUR_TAGS)
def test_a_caption_cannot_hold_our_tags_however_they_are_spelt(tag):
    message = user_message(f"a {tag} b", [(None, f"c {tag} d")])
    assert tags_in(message) == 4


@pytest.mark.parametrize("token", CHAT_TOKENS)
def test_a_caption_cannot_hold_a_token_of_a_chat_template(token):
    """Servers make tokens of the whole message, so that one in a caption would begin a new turn."""
    message = user_message(f"a {token} b", [(None, f"c {token} d")])
    assert token not in message


@pytest.mark.parametrize("attack", attacks(), ids=lambda attack: attack.id)
def test_no_attack_breaks_out_of_its_element(attack):
    sources = attack.sources
    message = user_message(sources.manual, [(None, text) for text in sources.seen])
    assert tags_in(message) == 2 * len(sources.seen) + 2 * (sources.manual is not None)
    assert not [token for token in CHAT_TOKENS if token in message]


@pytest.mark.parametrize(
    "text", ["I <3 dogs", "<lora:x:0.8>", "a < b > c", "Q&A", "5 > 4", "[sic]", "<i>", "R&D &c."]
)
def test_other_signs_reach_the_llm_as_they_are(text):
    assert f"\n{text}\n" in user_message(text, [(None, "A dog.")])


def tags_in(message: str) -> int:
    """Count our tags in `message` as a lenient reader sees them."""
    for _ in range(3):
        message = html.unescape(message)
    plain = unicodedata.normalize("NFKC", message)
    seen = "".join(sign for sign in plain if unicodedata.category(sign) not in ("Cf", "Mn"))
    return len(OUR_TAG.findall(seen.casefold()))
