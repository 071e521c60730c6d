"""Retention and support."""

import pytest

from capenh_pipeline.domain.fusion.scores import retention, support
from capenh_pipeline_tests.domain.fusion.random_captions import TERMS, captions

KEPT = [
    ("a dog running on grass", "On the grass, dogs run."),
    ("Rosalind and 3 dogs in Paris", "In Paris, three dogs follow Rosalind."),
    ("a snow-covered hill", "a snowcovered hill"),
    ("a sunlit room", "a sun-lit room"),
    ("a colour photo, grey sky", "A color photograph of a gray sky."),
    ("1girl, long_hair, blue_eyes, smile", "A girl with long hair and blue eyes is smiling."),
    ('sign: "STOP here"', "The sign reads \u201cStop here\u201d."),
    ("35mm film, 1,000 ISO, twenty-five sheep", "25 sheep on 35 mm film at 1000 ISO"),
    ("a man without a hat", "A man with no hat."),
    ("a beautiful old house", "An old house."),
    ("a wooden table on a sunny day", "a table of wood in the sun on this day"),
]
LOST = [
    ("a dog and a cat", "a dog", ("cat",)),
    ("3 dogs", "two dogs", ("3",)),
    ("a girl called Rosalind", "a girl called Rosalie", ("Rosalind",)),
    ("a red and a blue ball", "a red ball and a green one", ("blue",)),
    ('sign says "no dogs"', "a sign without dogs: dogs, no", ("no dogs",)),
    ("a man with no hat", "a man with a hat", ("no hat",)),
    ("a man with a hat", "a man without a hat", ("hat",)),
    ("1000 bees", "10 bees", ("1000",)),
    ("room 1 2", "room 12", ("1", "2")),
    ("a man with a hat", "a hatless man", ("hat",)),
]


@pytest.mark.parametrize(("manual", "caption"), KEPT)
def test_a_paraphrase_keeps_every_fact(manual, caption):
    assert retention(manual, caption) == (1.0, (), ())


@pytest.mark.parametrize(("manual", "caption", "missing"), LOST)
def test_what_is_left_out_or_changed_is_named_as_it_was_written(manual, caption, missing):
    score = retention(manual, caption)

    assert score.missing == missing
    assert 0 <= score.value < 1


def test_retention_is_the_share_of_distinct_facts():
    assert retention("dog, cat, ball, ball", "a dog").value == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("caption", "value"), [("a sks dog", 1.0), ("a SKS dog", 0.5), ("a dog asks", 0.5)]
)
def test_a_locked_term_is_kept_by_its_exact_spelling_alone(caption, value):
    assert retention("sks dog", caption, terms=["sks"]).value == value


@pytest.mark.parametrize(
    ("caption", "sources"),
    [
        ("The image shows a dog sitting in the background.", ["dogs"]),
        ("Two sunlit wooden chairs.", ["2 chairs", "sun-lit wood"]),
        ("A surfer rides a wave.", ["surfing", "riding waves"]),
        ("In front of the center of a house.", ["a house"]),
        ("A man with no hat, no shoes.", ["a man without hat", "without shoes"]),
    ],
)
def test_what_any_source_says_is_supported(caption, sources):
    assert support(caption, sources) == (1.0, (), ())


@pytest.mark.parametrize(
    ("caption", "added"),
    [
        ("A dog in Paris with a hat, a hat.", ("Paris", "hat")),
        ("Three dogs.", ("Three",)),
        ("A stunning dog.", ("stunning",)),
        ("A dog with no tail.", ("no tail",)),
        ("A green dog.", ("green",)),
    ],
)
def test_what_no_source_says_is_named(caption, added):
    assert support(caption, ["a grey dog"]).missing == added


@pytest.mark.parametrize(
    ("said", "denied"),
    [("people", "no people"), ("smiling", "not smiling"), ("cars and people", "no cars or people")],
)
def test_a_lost_or_an_invented_no_is_grave_however_long_the_caption(said, denied):
    long = "a wide street at dawn with wet asphalt, tall houses, old lamps and shop windows, {}"

    assert retention(long.format(denied), long.format(said)).grave
    assert support(long.format(denied), [long.format(said)]).grave
    assert retention(long.format(denied), long.format(denied)).grave == ()


def test_nothing_to_count_is_no_score():
    assert retention("the", "a dog") == retention("", "a dog") == (None, (), ())
    assert support("This is an image.", ["a dog"]) == support("", []) == (None, (), ())
    assert support("a dog", []).value == 0


@pytest.mark.parametrize(
    ("manual", "caption", "language"),
    [
        (
            "Ein Hund und zwei Katzen auf der Stra\u00dfe",
            "Auf der Strasse: 2 Katzen, ein Hund",
            "de",
        ),
        ("une femme assise sur l'herbe", "Une femme est assise dans l'herbe.", "fr"),
        ("dos perros rojos", "Un perro rojo y otro: 2 perros", "es"),
        (
            "\u8d64\u3044\u5e3d\u5b50\u306e\u732b",
            "\u5e3d\u5b50\u3092\u88ab\u3063\u305f\u8d64\u3044\u732b",
            "ja",
        ),
        (
            "\u043a\u043e\u0442 \u0438 \u0441\u043e\u0431\u0430\u043a\u0430",
            "\u0421\u043e\u0431\u0430\u043a\u0438 \u0438 \u043a\u043e\u0442",
            "ru",
        ),
        ("kissa", "Kissa", "xx"),
    ],
)
def test_other_languages_are_compared_by_their_own_rules(manual, caption, language):
    assert retention(manual, caption, language=language).value == 1


@pytest.mark.parametrize("language", [None, "de", "ja"])
def test_every_text_keeps_and_supports_itself(language):
    for text in captions(300, seed=1):
        if retention(text, text, language=language).value is not None:
            assert retention(text, text, language=language) == (1.0, (), ()), text
        if support(text, [text], language=language).value is not None:
            assert support(text, [text], language=language) == (1.0, (), ()), text


def test_scores_are_shares_for_any_two_texts():
    for manual, caption in zip(captions(300, seed=2), captions(300, seed=3), strict=True):
        for score in (retention(manual, caption, terms=TERMS), support(caption, [manual])):
            assert score.value is None or 0 <= score.value <= 1
            assert bool(score.missing) == (score.value not in (None, 1.0))
