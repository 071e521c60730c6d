"""What is around a caption goes, what is in it stays."""

# ruff: noqa: RUF001  # marks of other scripts are meant

import pytest

from capenh_pipeline.domain.fusion.cleanup import clean
from capenh_pipeline_tests.domain.fusion.answers import CAPTIONS

CAPTION = "Rosalind the sks dog stands on Brighton beach with 3 red balls."


@pytest.mark.parametrize("caption", CAPTIONS)
def test_a_caption_stays_as_it_is_whatever_it_is_about(caption):
    cleaned = clean(caption)
    assert cleaned.text == caption
    assert cleaned.fixes == ()


@pytest.mark.parametrize(
    "answer",
    [
        "Here is the caption: {}",
        "Here's a combined caption:\n\n{}",
        "Sure, here you go:\n{}",
        "Certainly! {}",
        "**Combined caption:**\n\n{}",
        "Combined caption: {}",
        "### Final Caption\n\n{}",
        'Caption: "{}"',
        '"{}"',
        "“{}”",
        "```\n{}\n```",
        "```text\n{}\n```",
        "**{}**",
        "*{}*",
        "> {}",
        "- {}",
        "* {}",
        "{}\n\nLet me know if you need any changes!",
        "{} I hope this helps!",
        '{}\n\n*Note: I preserved the trigger word "sks".*',
        "{}\n\n(Note: The manual caption takes priority.)",
        "{}\n\n---\nThis caption combines the facts of both sources.",
        "{}<|im_end|>",
        "{}</s>",
        "{}<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\nAnother",
        "{}\n\nUser: thanks\nAssistant: welcome",
        "{}\n### Response:\n",
        "Assistant: {}",
        "assistant\n{}",
        "<caption>{}</caption>",
        "<combined_caption>\n{}\n</combined_caption>",
        "<answer>{}</answer>",
        "<think>ok</think>\n{}",
        "Okay, here is the merged caption: {}",
        "Voici la légende combinée :\n{}",
        "Hier ist die kombinierte Bildunterschrift:\n\n{}",
        "Aquí está la descripción: {}",
        "Ecco la didascalia: {}",
        "Aqui está a legenda: {}",
        "Hier is het bijschrift: {}",
        "Oto podpis: {}",
        "Вот подпись: {}",
        "以下是描述：\n{}",
        "Based on the provided captions, here is a combined caption:\n\n{}",
        "Combining both sources, the caption is: {}",
        "The combined caption would be:\n{}",
        "I've merged the two captions:\n\n{}",
        "Final answer: {}",
        "Answer: {}",
        "Output:\n{}",
        "Here is the rewritten caption as requested:\n{}",
        "{}\n\nWord count: 11",
        "{}\n\nExplanation: I kept the name and added the beach.",
        "{}\n\n**Changes made:**\n- kept Rosalind\n- added beach",
        "{}\n\nThis caption keeps all facts from the manual caption and adds details from the "
        "VLM caption.",
        "{}\n\nWould you like me to make it shorter?",
        "{}\n\nFeel free to ask for changes.",
        "{} 🐶🏖️",
        "{}\n\n#dog #beach",
        "Great! Here's the caption:\n{}",
        "Here is your caption:\n\n---\n\n{}\n\n---\n\nLet me know!",
        "Of course. Here is the single caption you asked for: {}",
        "A single caption that combines both:\n\n{}",
        "<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>final<|message|>{}",
        "Caption (English): {}",
        "Title: {}",
        "Image caption: {}",
        "Image description: {}",
        "Response: {}",
        'Here\'s one caption for the image:\n\n"{}"\n\nI hope it helps.',
        "{} (This combines the manual caption with the VLM caption.)",
        "{}\n\n[Note: trigger word kept]",
        "`{}`",
        "<p>{}</p>",
        "The caption for this image is: {}",
        "Merged: {}",
        "Result: {}",
        "Let me combine these captions:\n\n{}",
        "After combining the two captions: {}",
        "Thank you for providing the captions. Here is the result:\n\n{}",
        "This is the combined caption:\n{}",
        "{}\n\n**Sources:** manual caption, VLM caption",
        "{}\n\nReasoning: the manual caption says sks.",
        "OK. {}",
        "{}\n\nIf you want, I can also provide a longer version.",
        "{}\n\nWant me to tweak it?",
        "{}\n\nHope that helps! 😊",
        '  "caption": "{}"',
        "Sure thing! Here's a caption that blends both sources seamlessly:\n\n{}",
        "Caption 1: {}",
        "説明文は次のとおりです。{}",
        "下記が画像の説明になります。\n{}",
    ],
)
def test_what_is_around_a_caption_goes(answer):
    assert clean(answer.replace("{}", CAPTION)).text == CAPTION


@pytest.mark.parametrize(
    "answer",
    [
        '{"caption": "A dog."}',
        '```json\n{\n  "combined_caption": "A dog."\n}\n```',
        '["A dog."]',
        '{"caption": "A dog.", "confidence": 0.9}',
        '{"result": {"text": "A dog."}}',
    ],
)
def test_a_caption_is_taken_out_of_json(answer):
    cleaned = clean(answer)
    assert cleaned.text == "A dog."
    assert "json" in cleaned.fixes


@pytest.mark.parametrize(
    ("answer", "fixes"),
    [
        ("<think>hm</think>A dog.", ("reasoning",)),
        ("Sure! A dog.", ("preamble",)),
        ('"A dog."', ("quotes",)),
        ("**A dog.**", ("markdown",)),
        ("A dog. I hope this helps!", ("residue",)),
        ("Okay, let me think. Final answer: A dog.", ("reasoning",)),
        ('Here you go: "A dog."', ("preamble", "quotes")),
    ],
)
def test_fixes_name_what_was_mended(answer, fixes):
    cleaned = clean(answer)
    assert cleaned.text == "A dog."
    assert set(cleaned.fixes) == set(fixes)


@pytest.mark.parametrize(
    "manual",
    [
        "Caption: the dog of the year",
        "Here is the caption: a book by Ann",
        '"Hello"',
        "**bold** graffiti",
        "- a dog\n- a cat",
        "A dog. Let me know if you find him!",
        "A dog 🐶",
        "Sure! A poster",
    ],
)
def test_wording_of_the_manual_caption_is_kept(manual):
    assert clean(manual, manual).text == manual


def test_the_name_of_two_quotations_at_both_ends_keeps_its_marks():
    assert clean('"Stop" and "Go"').text == '"Stop" and "Go"'
    assert clean('"A sign says "stop"."').text == 'A sign says "stop".'


@pytest.mark.parametrize("answer", ["- A dog.\n- A cat.", "1. A dog.\n2. A cat."])
def test_a_list_of_several_items_is_not_mended(answer):
    assert clean(answer).text == answer


def test_what_an_end_token_is_followed_by_is_another_turn():
    assert clean("A dog.<|im_end|>\n<|im_start|>user\nA cat?").text == "A dog."


def test_thoughts_are_not_mended_down_to_their_first_sentence():
    answer = "Let me think about it. The manual caption says sks dog."
    assert clean(answer).text == answer


def test_cleaning_twice_is_cleaning_once():
    once = clean('Sure! **Caption:** "A dog."\n\nNote: I kept the dog.').text
    assert clean(once).text == once == "A dog."


def test_a_decade_keeps_its_apostrophe():
    assert clean("'90s style photo of a street.").text == "'90s style photo of a street."
