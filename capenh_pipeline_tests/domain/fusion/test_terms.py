"""Trigger words and locked terms stay as they are written."""

import time
import unicodedata

import pytest

from capenh_pipeline.domain.fusion.terms import has_exactly, lost_terms, terms_in, with_terms
from capenh_pipeline_tests.domain.fusion.random_captions import TERMS, captions


@pytest.mark.parametrize(
    ("caption", "term", "expected"),
    [
        ("a brown dog", "sks", "sks, a brown dog"),
        ("a brown sks dog", "sks", "a brown sks dog"),
        ("Sks dog.", "sks", "sks dog."),
        ("SKS, a dog", "sks", "sks, a dog"),
        ("SKS, a sks dog", "sks", "SKS, a sks dog"),
        ("asks for food", "sks", "sks, asks for food"),
        ("sks_dog", "sks", "sks, sks_dog"),
        ("sks-like", "sks", "sks-like"),
        ("asks, sks", "sks", "asks, sks"),
        ("my\n dog runs", "my dog", "my\n dog runs"),
        ("my doggy runs", "my dog", "my dog, my doggy runs"),
        ("in C++ style", "C++", "in C++ style"),
        ("in c++11", "C++", "C++, in c++11"),
        ("an OHWX-V2 cup", "ohwx-v2", "an ohwx-v2 cup"),
        ("a.b (v2) here", "a.b (v2)", "a.b (v2) here"),
        ("axb", "a.b", "a.b, axb"),
        ("grace  hopper sits", "Grace Hopper", "Grace Hopper sits"),
        (
            "\u0440\u044b\u0436\u0438\u0439 \u043a\u043e\u0442",
            "\u041a\u043e\u0442",
            "\u0440\u044b\u0436\u0438\u0439 \u041a\u043e\u0442",
        ),
        (
            "\u043a\u043e\u0442\u0438\u043a",
            "\u043a\u043e\u0442",
            "\u043a\u043e\u0442, \u043a\u043e\u0442\u0438\u043a",
        ),
        ("die STRASSE da", "stra\u00dfe", "die stra\u00dfe da"),
        ("une cafe\u0301 noire", "caf\u00e9", "une cafe\u0301 noire"),
        ("une cafe\u0301 noire", "cafe", "cafe, une cafe\u0301 noire"),
        ("\u0915\u0940 \u092c\u093e\u0924", "\u0915", "\u0915, \u0915\u0940 \u092c\u093e\u0924"),
        ("\u30cd\u30b3\u30d0\u30b9", "\u30cd\u30b3", "\u30cd\u30b3\u30d0\u30b9"),
        ("sks\u306e\u72ac", "sks", "sks\u306e\u72ac"),
        ("SKS\u306e\u72ac", "sks", "sks\u306e\u72ac"),
        ("\u72ac\u304c\u5bdd\u308b", "\u732b", "\u732b, \u72ac\u304c\u5bdd\u308b"),
        ("", "sks", "sks"),
        ("a dog", "  ", "a dog"),
        ("a dog", " sks ", "sks, a dog"),
    ],
)
def test_a_term_is_there_as_a_whole_word_and_spelt_exactly(caption, term, expected):
    once = with_terms(caption, [term])

    assert once == expected
    assert with_terms(once, [term]) == once


@pytest.mark.parametrize(
    ("caption", "terms", "expected"),
    [
        ("a dog", ["sks", "ohwx"], "sks, ohwx, a dog"),
        ("SKS DOG", ["sks", "Sks dog"], "sks, Sks dog"),
        ("Sks dog", ["sks", "sks dog"], "sks dog"),
        ("sks", ["sks", "SKS"], "sks"),
        ("A B C", ["a b", "b c"], "b c, a b C"),
        ("a dog", [], "a dog"),
    ],
)
def test_several_terms_do_not_disturb_each_other(caption, terms, expected):
    once = with_terms(caption, terms)

    assert once == expected
    assert with_terms(once, terms) == once


def test_terms_are_found_in_any_letter_case_and_lost_if_not():
    text = "Grace  Hopper asks for C++"

    assert terms_in(text, ["GRACE HOPPER", "sks", "c++"]) == ("GRACE HOPPER", "c++")
    assert lost_terms(text, ["GRACE HOPPER", "sks", "c++"]) == ("sks",)


def test_a_long_list_of_terms_costs_little():
    terms = [f"character name{number}" for number in range(5_000)]
    began = time.process_time()
    for number in range(20):
        text = f"A girl named Character Name{number} in the rain"
        assert terms_in(text, terms) == (f"character name{number}",)
    assert time.process_time() - began < 1  # it took 3 s to compile every pattern


def test_with_terms_twice_is_once_and_keeps_all_terms_and_all_else():
    for caption in captions(500, seed=4):
        once = with_terms(caption, TERMS)

        assert with_terms(once, TERMS) == once
        assert all(has_exactly(once, term) for term in TERMS)
        assert lost_terms(once, TERMS) == ()
        assert _letters(once).endswith(_letters(caption))


def _letters(text):
    return "".join(unicodedata.normalize("NFC", text).casefold().split())
