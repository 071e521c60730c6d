"""How long captions may be, and how they are shortened."""

import pytest

from capenh_pipeline.domain.fusion.budget import Budget, count_words, sentences_of, shorten
from capenh_pipeline_tests.domain.fusion.random_captions import captions

TWO = 'A dog sits by Mr. Smith. It says "Woof!"'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("A dog's snow-covered ball", 4),
        ("sks, dog , ball & 35mm -- ...", 4),
        ("  two\n\nlines ", 2),
        ("\u732b\u304c\u3044\u308b\u3002", 4),
        ("sks\u306e\u732b, red", 4),
        ("\U0001f600 #beach", 1),
        ("", 0),
    ],
)
def test_words_are_counted_as_people_count(text, words):
    assert count_words(text) == words


@pytest.mark.parametrize(
    ("budget", "excess"),
    [
        (Budget(), None),
        (Budget(9), None),
        (Budget(8), "9 words, at most 8"),
        (Budget(None, 40, len), None),
        (Budget(None, 39, len), "40 tokens, at most 39"),
        (Budget(8, 39, len), "9 words, at most 8"),
        (Budget(10, always=("ohwx woman",)), "11 words, at most 10"),
        (Budget(None, 44, len, ("sks",)), "45 tokens, at most 44"),
        (Budget(9, always=("Dog",)), None),
    ],
)
def test_what_is_too_much_is_said_in_numbers(budget, excess):
    assert budget.excess(TWO) == excess


@pytest.mark.parametrize(
    ("text", "words", "expected"),
    [
        (TWO, 9, TWO),
        (TWO, 8, "A dog sits by Mr. Smith."),
        (TWO, 5, TWO),
        ("One. Two. Three. Four", 2, "One. Two."),
        ("One. Two. Three. Four", 3, "One. Two. Three."),
        ('"One!" Two.', 1, '"One!"'),
        ("sks, dog, ball, beach", 2, "sks, dog, ball, beach"),
        (
            "\u732b\u304c\u3044\u308b\u3002\u72ac\u3082\u3044\u308b\u3002",
            5,
            "\u732b\u304c\u3044\u308b\u3002",
        ),
        ("", 0, ""),
    ],
)
def test_a_caption_is_shortened_at_the_end_of_a_sentence_alone(text, words, expected):
    assert shorten(text, Budget(words)) == expected


def test_a_shortened_caption_is_a_beginning_that_fits_or_the_text_itself():
    for text in captions(300, seed=5):
        for words in (1, 5, 20):
            short = shorten(text, Budget(words))

            assert text.startswith(short)
            assert short == text or not Budget(words).excess(short)
            assert shorten(short, Budget(words)) == short


def test_sentences_are_all_of_a_text():
    assert sentences_of(f" {TWO} And so on") == [
        "A dog sits by Mr. Smith.",
        'It says "Woof!"',
        "And so on",
    ]
    assert sentences_of(" ") == []
    for text in captions(300, seed=6):
        assert "".join("".join(sentences_of(text)).split()) == "".join(text.split())
