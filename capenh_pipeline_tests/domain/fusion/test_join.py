"""Captions are joined without an LLM."""

import pytest

from capenh_pipeline.domain.fusion.budget import Budget
from capenh_pipeline.domain.fusion.join import joined
from capenh_pipeline.domain.fusion.scores import retention, support
from capenh_pipeline.domain.fusion.sources import Sources
from capenh_pipeline.domain.fusion.terms import has_exactly, terms_in
from capenh_pipeline_tests.domain.fusion.random_captions import TERMS, captions

SEEN = "A dog sits. It is brown and fluffy. A red ball lies next to the dog."


@pytest.mark.parametrize(
    ("manual", "seen", "expected"),
    [
        ("sks dog", [SEEN], "sks dog. It is brown and fluffy. A red ball lies next to the dog."),
        ("A red ball and dog, brown, fluffy!", [SEEN], "A red ball and dog, brown, fluffy!"),
        ("tags, dog,", ["A cat."], "tags, dog, A cat."),
        ('Sign "STOP."', ["A cat."], 'Sign "STOP." A cat.'),
        ("Sks dog", ["A Sks cat"], "sks dog. A Sks cat"),
        ("a dog", [], "a dog"),
        (None, ["A dog.", "A brown dog. A dog."], "A dog. A brown dog."),
        ("  ", ["A dog."], "A dog."),
        (None, [], ""),
        (
            "\u732b",
            ["\u767d\u3044\u732b\u3002\u6728\u3002"],
            "\u732b\u3002\u767d\u3044\u732b\u3002\u6728\u3002",
        ),
        ("\u732b\u3002", ["\u72ac\u3002"], "\u732b\u3002\u72ac\u3002"),
    ],
)
def test_sentences_that_add_something_follow_the_words_of_a_person(manual, seen, expected):
    assert joined(Sources(manual, tuple(seen), ("sks",)), Budget()) == expected


@pytest.mark.parametrize(
    ("manual", "words", "expected"),
    [
        ("sks dog", 7, "sks dog. It is brown and fluffy."),
        ("sks dog", 6, "sks dog"),
        ("sks dog", 1, "sks dog"),
        (None, 8, "A dog sits. It is brown and fluffy."),
        (None, 1, "A dog sits."),
    ],
)
def test_a_budget_ends_a_joined_caption_at_a_sentence_but_never_cuts_a_person_short(
    manual, words, expected
):
    assert joined(Sources(manual, (SEEN,)), Budget(words)) == expected


def test_nothing_follows_a_sentence_that_was_left_out():
    seen = "A cat with long fur sleeps nearby. It purrs."

    assert joined(Sources("sks dog", (seen,)), Budget(5)) == "sks dog"


def test_no_budget_is_no_limit():
    assert joined(Sources(None, (SEEN,))) == SEEN


def test_a_joined_caption_keeps_every_fact_and_invents_nothing():
    texts = zip(captions(300, seed=7), captions(300, seed=8), captions(300, seed=9), strict=True)
    for manual, one, other in texts:
        terms = terms_in(manual, TERMS)
        caption = joined(Sources(manual, (one, other), terms), Budget(40))

        assert retention(manual, caption, terms=terms).value in (None, 1.0), manual
        assert support(caption, [manual, one, other]).value in (None, 1.0), caption
        assert all(has_exactly(caption, term) for term in terms)
        assert caption.casefold().startswith(
            manual.casefold()[:10].replace("STRASSE", "stra\u00dfe")
        )
