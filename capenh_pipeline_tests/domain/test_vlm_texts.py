"""Texts that go round in circles, and texts that are cut off."""

import pytest

from capenh_pipeline.domain.vlm_texts import find_loop, whole_sentences

LOOPS = [
    ("a dog dog dog dog dog dog", "dog"),
    ("There is a red ball, a red ball, a red ball, a red ball, a red", "a red ball"),
    ("It is red. It is red! It is red? it is RED.", "it is red"),
    ("one two three four five six seven eight " * 4, "one two three four five six seven eight"),
    ("left right " * 30, "left right"),
    ("\u732b\u304c\u3044\u308b\u3002" * 4, "\u732b \u304c \u3044 \u308b"),
    (
        "\u0434\u043e\u043c \u0438 \u0441\u0430\u0434, " * 4,
        "\u0434\u043e\u043c \u0438 \u0441\u0430\u0434",
    ),
]
NO_LOOPS = [
    "",
    "A very, very, very long road, and a very long shadow.",
    "A red chair, a red chair and a red chair stand beside a blue chair.",
    "The sign says NO NO NO NO NO.",
    'The man says "HA HA HA HA HA HA" in a speech bubble.',
    "Rows of squares: black, white, black, white, black, white, black, white on a board.",
    "The display reads 0, 0, 0, 0, 0, 0 and blinks.",
    "A dog. A cat. A dog. A cat. A bird.",
    "A person on the left, a person on the right, a person in front and a person behind.",
    "one two three four five six seven eight nine " * 4,  # nine words are no phrase any more
]


@pytest.mark.parametrize(("text", "phrase"), LOOPS)
def test_a_phrase_that_comes_again_and_again_is_found(text, phrase):
    assert find_loop(text) == phrase


@pytest.mark.parametrize("text", NO_LOOPS)
def test_what_people_repeat_too_is_no_loop(text):
    assert find_loop(text) is None


def test_a_loop_is_found_wherever_it_stands():
    assert (
        find_loop("A long and good start. " + "and so on " * 10 + "until a good end.")
        == "and so on"
    )


CUT = [
    ("A dog sits. It is bro", "A dog sits."),
    ("A dog sits. It is brown.", "A dog sits. It is brown."),
    ('It says "Stop!" Behind it a', 'It says "Stop!"'),
    (
        "A photo of Mr. Smith and Dr. Who in St. Ives. They wal",
        "A photo of Mr. Smith and Dr. Who in St. Ives.",
    ),
    ("Two metres. It is 3.5 metres lo", "Two metres."),
    ("By J. R. Smith, e.g. a pain", "By J. R. Smith, e.g. a pain"),
    ("What is it? A", "What is it?"),
    ("A bottle of Chanel No. 5 perfume on a", "A bottle of Chanel No. 5 perfume on a"),
    ("A shelf. A bottle of Chanel No. 5 on a", "A shelf."),
    ("masterpiece, ver. 2, 1girl, solo, lo", "masterpiece, ver. 2, 1girl, solo, lo"),
    ('A neon sign that says "Stop!" in red le', 'A neon sign that says "Stop!" in red le'),
    ("A Yahoo! shirt from ca. 1850, and", "A Yahoo! shirt from ca. 1850, and"),
    ("It is 30 cm. tall and", "It is 30 cm. tall and"),
    (
        "\u090f\u0915 \u0915\u0941\u0924\u094d\u0924\u093e\u0964 \u0935\u0939",
        "\u090f\u0915 \u0915\u0941\u0924\u094d\u0924\u093e\u0964",
    ),
    ("Taken in 2020. Then", "Taken in 2020."),
    ("Things:\n1. A dog.\n2.", "Things:\n1. A dog."),
    ("\u732b\u304c\u3044\u308b\u3002\u72ac\u304c", "\u732b\u304c\u3044\u308b\u3002"),
    ("a dog, a cat, a bir", "a dog, a cat, a bir"),
    ("", ""),
]


@pytest.mark.parametrize(("text", "kept"), CUT)
def test_a_text_is_cut_after_its_last_whole_sentence(text, kept):
    assert whole_sentences(text) == kept
