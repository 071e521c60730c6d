"""Wording that is no caption is found, and captions about such things pass."""

# ruff: noqa: RUF001  # letters and marks of other scripts are meant

import pytest

from capenh_pipeline.domain.fusion.endings import cut_off
from capenh_pipeline.domain.fusion.faults import (
    leak_in,
    preamble_in,
    reasoning_in,
    refusal_in,
    residue_in,
)
from capenh_pipeline.domain.fusion.markup import markup_in
from capenh_pipeline.domain.fusion.repeats import repetition_in
from capenh_pipeline.domain.fusion.sources import Sources
from capenh_pipeline.domain.prompts import DEFAULT_LLM_SYSTEM_PROMPT
from capenh_pipeline_tests.domain.fusion.answers import CAPTIONS, REFUSALS

SOURCES = Sources(
    "sks dog Rosalind with 3 red balls, Brighton beach",
    ("A brown dog stands on a sandy beach next to three red balls. The sky is cloudy.",),
    ("sks",),
)
NOTHING = Sources(None, ())


@pytest.mark.parametrize("caption", CAPTIONS)
def test_a_caption_has_no_fault_whatever_it_is_about(caption):
    for find in (refusal_in, preamble_in, residue_in, reasoning_in):
        assert find(caption, NOTHING) is None
    assert leak_in(caption, NOTHING, (DEFAULT_LLM_SYSTEM_PROMPT,)) is None
    assert markup_in(caption, None) is None
    assert repetition_in(caption, None) is None
    assert cut_off(caption, NOTHING) is None


@pytest.mark.parametrize("answer", REFUSALS)
def test_a_refusal_is_found_in_many_languages(answer):
    assert refusal_in(answer, SOURCES)


def test_a_refusal_after_a_sentence_is_found():
    assert refusal_in("A dog. I'm sorry, I can't say more.", SOURCES)


def test_a_person_s_own_words_are_no_refusal():
    assert refusal_in("I can't see the sea", Sources("I can't see the sea", ())) is None


@pytest.mark.parametrize(
    "answer",
    [
        "Okay, the user wants me to combine the captions. The manual caption mentions "
        "Rosalind. I should keep the name. Rosalind the dog on a beach.",
        "Let me think about this step by step. First, the manual caption says sks dog. Then "
        "the VLM adds a beach.",
        "We need to produce one caption. The manual caption: sks dog Rosalind. VLM: brown "
        "dog. Combine: Rosalind the sks dog, brown, on beach.",
        "First, I'll look at the manual caption. It says there are 3 red balls. Next, the VLM "
        "caption adds a calm sea.",
        "The user provided two captions. I need to merge them into one.",
        "Thinking: manual has sks. Rosalind the sks dog stands on Brighton beach with 3 red balls.",
        "Hmm, the VLM says brown dog but manual says sks dog. I'll keep sks dog.",
        "Step 1: Identify facts: Rosalind, 3 red balls. Step 2: Merge them.",
        "To combine these captions, I will keep the name Rosalind and add the beach.",
        "I should keep the name Rosalind. The dog stands on the beach.",
        "Alright, so I have two captions here and I need to combine them.",
        "Wait, the manual caption says 3 balls, so I should keep that. Rosalind the sks dog.",
        "Thought process: keep sks, keep Rosalind.\nRosalind the dog.",
        'Okay, let\'s see. The manual caption is "sks dog Rosalind".',
        "好的，用户让我把两个描述合并。我需要保留名字。",
        "首先，我需要分析人工描述。",
        "Alright, let's tackle this. The manual caption mentions a dog named Rosalind with "
        "three red balls.",
    ],
)
def test_thoughts_without_tags_are_found(answer):
    assert reasoning_in(answer, SOURCES)


@pytest.mark.parametrize(
    "answer",
    [
        "Rosalind the sks dog stands on Brighton beach with 3 red balls. Rosalind the sks dog "
        "stands on Brighton beach with 3 red balls.",
        "The dog on the beach on the beach on the beach with balls.",
        "A dog, a dog, a dog, a dog, a dog",
        "sks dog, red ball, beach, red ball, beach, red ball, beach",
        "The dog stands on the sandy beach near the calm sea and the dog stands on the sandy "
        "beach near the calm sea.",
        "A dog stands on a beach. The sky is cloudy. A dog stands on a beach.",
        "dog dog dog dog dog dog",
        "red ball, sky, red ball, sea, red ball, sand",
        "A dog is is is is is on a beach",
        "The sea is calm, the sea is calm, the sky is cloudy.",
    ],
)
def test_what_is_said_twice_is_found(answer):
    assert repetition_in(answer, SOURCES.manual)


def test_what_a_person_repeats_may_be_repeated():
    assert repetition_in("HA HA HA HA HA mural", "HA HA HA HA HA mural") is None
    assert repetition_in('A sign says "no no no no no no".', None) is None


@pytest.mark.parametrize(
    "answer",
    [
        "Rosalind the sks dog stands on Brighton beach with",
        "Rosalind the sks dog stands on Brighton beach with 3 red",
        "Rosalind the sks dog stands on Brighton beach and the",
        "Rosalind the sks dog stands on Brighton beach with 3 red balls. The sea is calm and",
        "Rosalind the sks dog stands on Brighton beach with 3 red balls. The sky",
        "Rosalind the sks dog stands on a sandy",
        "Rosalind the sks dog (with 3 red balls on Brighton beach.",
        'A sign reads "Brighton beach',
        "Rosalind the sks dog stands next to three red ba",
        "Rosalind, an sks dog, 3 red balls,",
        "Rosalind the sks dog, who is",
        "The dog stands on a beach, its",
        "Rosalind the sks dog stands on Brighton beach with 3 red balls. She is looking at "
        "the calm sea under a clou",
        "Rosalind the sks dog stands on Brighton beach next to three red balls while the sea "
        "is calm and the sky is",
    ],
)
def test_an_answer_that_was_cut_off_is_found(answer):
    assert cut_off(answer, SOURCES)


@pytest.mark.parametrize(
    "caption",
    [
        "Две собаки играют на пляже под",
        "Дві собаки грають на пляжі через",
        "Δύο σκυλιά παίζουν στην παραλία με",
        "كلبان يلعبان على الشاطئ مع",
        "Två hundar sitter på en strand och",
        "Zwei Hunde spielen auf einer Wiese neben",
        "Deux chiens jouent sur la plage par",
    ],
)
def test_no_language_ends_a_caption_in_a_preposition_or_an_and(caption):
    whole = caption.rpartition(" ")[0]
    assert cut_off(caption, Sources(None, ()))
    assert cut_off(whole, Sources(None, ())) is None


@pytest.mark.parametrize(
    "manual", ["Sorry I'm late, a card", "我不会游泳的狗", "I can't describe it, a poster"]
)
def test_a_refusal_that_a_person_wrote_is_none(manual):
    sources = Sources(manual, ())
    assert refusal_in(manual, sources) is None
    assert refusal_in(manual, Sources(None, ()))


@pytest.mark.parametrize(
    "answer",
    [
        "sks dog Rosalind with 3 red balls, Brighton beach",
        "Rosalind the sks dog on Brighton beach",
        "sks dog, red balls, beach",
        "A dog on Brighton beach. 3 red balls, Brighton beach",
    ],
)
def test_tags_and_phrases_without_a_full_stop_are_whole(answer):
    assert cut_off(answer, SOURCES) is None


@pytest.mark.parametrize(
    "answer",
    [
        "You write one caption for an image from two sources. The manual caption is always right.",
        "Answer with the caption alone: no preamble, no quotes, no markdown, no explanation.",
        "<manual_caption>\nsks dog Rosalind\n</manual_caption>\n<vlm_caption>",
        "My system prompt is to write one caption.",
        "I was instructed to combine two captions and keep every fact.",
        "Rosalind the dog <vlm_caption>",
        "‹/manual_caption> a dog",
    ],
)
def test_our_own_words_are_found(answer):
    assert leak_in(answer, SOURCES, (DEFAULT_LLM_SYSTEM_PROMPT,))


def test_eight_words_of_a_prompt_that_a_source_has_too_are_no_leak():
    words = "one two three four five six seven eight"
    assert leak_in(words, SOURCES, (words,))
    assert leak_in(words, Sources(words, ()), (words,)) is None
    assert leak_in(words.rsplit(" ", 1)[0], SOURCES, (words,)) is None


@pytest.mark.parametrize(
    "answer",
    [
        "- Rosalind\n- 3 red balls\n- Brighton beach",
        "1. Rosalind the sks dog\n2. three red balls",
        "# Rosalind at the Beach\n\n## Scene\nA dog.\n\n## Details\n- balls",
        "| Subject | Details |\n|---|---|\n| dog | sks |",
        '{"subject": "dog", "place": "beach"}',
        "<ul><li>dog</li><li>beach</li></ul>",
        "**Subject:** dog\n**Place:** beach",
        "A dog ```on a beach",
        "A [dog](http://a.example/b) here",
    ],
)
def test_markdown_html_and_json_are_found(answer):
    assert markup_in(answer, None)
    assert markup_in(answer, answer) is None


@pytest.mark.parametrize(
    "answer",
    [
        "Option 1: a dog.\nOption 2: a dog on a beach.",
        "Rosalind the dog. Let me know if this works. She is on Brighton beach with 3 balls.",
        "Caption 1: dog on beach.\n\nCaption 2: sks dog on Brighton beach.",
        "A dog.\nUser: more",
        "A dog <|im_end|> here",
    ],
)
def test_talk_to_the_user_is_found(answer):
    assert residue_in(answer, SOURCES)


@pytest.mark.parametrize(
    "answer",
    [
        "The VLM caption describes a brown dog.",
        "Both captions describe a dog on a beach.",
        "Well, here is the combined caption for you",
    ],
)
def test_talk_about_the_captions_is_found(answer):
    assert preamble_in(answer, SOURCES)
