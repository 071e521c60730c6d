"""Facts of manual captions."""

import pytest

from capenh_pipeline.domain.fusion.facts import facts_of


def said(manual, *terms, language=None):
    return [(fact.kind, fact.text) for fact in facts_of(manual, terms, language=language)]


def texts(manual, *terms, language=None):
    return [text for _, text in said(manual, *terms, language=language)]


def test_each_kind_of_fact_is_found_in_order():
    manual = 'A photo of sks dog and 3 cats with Rosalind in New York, sign says "OPEN 24h".'

    assert said(manual, "sks") == [
        ("term", "sks"),
        ("word", "dog"),
        ("number", "3"),
        ("word", "cats"),
        ("name", "Rosalind"),
        ("name", "New"),
        ("name", "York"),
        ("word", "sign"),
        ("quote", "OPEN 24h"),
    ]


@pytest.mark.parametrize(
    ("manual", "facts"),
    [
        ("The image shows a dog that is sitting in the background", ["dog"]),
        ("A really beautiful, cute dog sleeps peacefully", ["dog", "sleeps"]),
        ("close-up of a family with a butterfly", ["close", "family", "butterfly"]),
        ("a dog, another dog and dogs", ["dog"]),
        ("a man with no hat, a hat", ["man", "no hat", "hat"]),
        ("1girl, long_hair, sks", ["1", "girl", "long", "hair", "sks"]),
        ("one dog", ["dog"]),
        ("a hotel in Nice", ["hotel", "Nice"]),
        ("Nice hotel", ["hotel"]),
        ('"A dog on grass."', ["dog", "grass"]),
        ("\u201cA dog on grass\u201d.", ["dog", "grass"]),
        ('a 12" vinyl and a 7" single', ["12", "vinyl", "7", "single"]),
        ("a 'do not enter' sign, the dog's ball", ["do not enter", "sign", "dog", "ball"]),
        ("ein \u201eHalt\u201c-Schild", ["Halt", "Schild"]),
        ("\u770b\u677f\u300c\u5165\u53e3\u300d", ["\u770b", "\u677f", "\u5165\u53e3"]),
        ("the of and", []),
        ("", []),
        ("\U0001f600 !!", []),
    ],
)
def test_only_what_says_something_is_a_fact(manual, facts):
    assert texts(manual) == facts


def test_capitals_are_no_names_in_titles_and_in_german():
    assert {kind for kind, _ in said("A Brown Dog Sitting On Green Grass")} == {"word"}
    assert {kind for kind, _ in said("A BROWN DOG ON GREEN GRASS")} == {"word"}
    assert said("ein Hund im Garten", language="de") == [("word", "Hund"), ("word", "Garten")]
    assert ("name", "Jane") in said("portrait of Jane Austen")


@pytest.mark.parametrize(
    ("manual", "language", "facts"),
    [
        ("une femme assise sur l'herbe d'un jardin", "fr", ["femme", "herbe", "jardin"]),
        ("ein Mann ohne Hut und eine Frau", "de", ["Mann", "no Hut", "Frau"]),
        ("el perro y la ni\u00f1a en el parque", "es", ["perro", "ni\u00f1a", "parque"]),
        ("il cane e la donna nel parco", "it", ["cane", "donna", "parco"]),
        ("o c\u00e3o e a mulher no parque", "pt-BR", ["c\u00e3o", "mulher", "parque"]),
        ("de hond en het meisje in het park", "nl", ["hond", "meisje", "park"]),
        ("koira ja kissa", "fi", ["koira", "ja", "kissa"]),
        ("\u732b\u3068\u72ac", "ja", ["\u732b", "\u72ac"]),
    ],
)
def test_each_language_has_function_words_of_its_own(manual, language, facts):
    assert texts(manual, language=language) == facts


@pytest.mark.parametrize(
    ("manual", "facts"),
    [
        ("une femme assise sur l'herbe avec un chien", ["femme", "herbe", "chien"]),
        ("eine Katze und ein Ball auf dem Tisch", ["Katze", "Ball", "Tisch"]),
        ("a van, a man in a hat at the door", ["van", "man", "hat", "door"]),
    ],
)
def test_without_a_language_function_words_of_others_are_known_too(manual, facts):
    assert texts(manual) == facts


def test_a_term_is_one_fact_whatever_its_words_are():
    assert texts("the Grace Hopper photo in C++ style", "Grace Hopper", "C++", "sks") == [
        "Grace Hopper",
        "C++",
        "style",
    ]
    assert texts('a "Grace Hopper" poster', "Grace Hopper") == ["Grace Hopper", "poster"]
