"""Words: where one ends and another begins, and which of them mean the same."""

import pytest

from capenh_pipeline.domain.fusion.words import is_neutral, stems, tokens


def keys(text, language=None):
    return [word.key for word in tokens(text, language)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A snow-covered Hill.", ["a", "snow", "covered", "hill"]),
        ("1girl, long_hair", ["1", "girl", "long", "hair"]),
        ("35mm, 1,000 or 2.50", ["35", "mm", "1000", "or", "2.50"]),
        ("1.000.000 3,5", ["1000000", "3.5"]),
        ("mp3 sd15 1980s 2nd", ["mp3", "sd15", "1980s", "2nd"]),
        ("Rosalind\u2019s l'homme", ["rosalind", "s", "l", "homme"]),
        ("twenty-five cats, two hundred dogs", ["25", "cats", "200", "dogs"]),
        ("two dozen, a thousand, 2 million", ["24", "1000", "2000000"]),
        ("twenty, five", ["twenty", "five"]),
        ("\u732b\u304c2\u5339", ["\u732b", "\u304c", "2", "\u5339"]),
        ("\u0915\u0940 \u092c\u093e\u0924", ["\u0915\u0940", "\u092c\u093e\u0924"]),
        ("cafe\u0301", ["caf\u00e9"]),
        ("\u0663 \u0642\u0637\u0637", ["3", "\u0642\u0637\u0637"]),
        ("9" * 5000 + " million", ["9" * 5000, "million"]),
        ("\U0001f600 -- ... \U0001f468\u200d\U0001f469", []),
        ("", []),
    ],
)
def test_a_text_is_parted_into_words(text, expected):
    assert keys(text) == expected


def test_words_remember_how_they_were_written():
    (first, second, third) = tokens("Old Paris\nRed")

    assert (first.text, first.begins_sentence, first.is_capital) == ("Old", True, False)
    assert (second.text, second.begins_sentence, second.is_capital) == ("Paris", False, True)
    assert third.begins_sentence


@pytest.mark.parametrize(
    ("text", "language", "negated"),
    [
        ("a man with no hat in rain", None, ["hat"]),
        ("a man without a red hat", None, ["red"]),
        ("no people visible", None, ["people"]),
        ("without wearing a hat", None, ["hat"]),
        ("stage no. 5, red", None, []),
        ("There is no. Dog", None, []),
        ("chanel no 5, red", None, []),
        ("ein Mann ohne einen Hut", "de", ["hut"]),
        ("um gato no parque", "pt", []),
        ("un homme sans chapeau", "fr", ["chapeau"]),
        ("ein Hund ohne Leine", None, ["leine"]),
        ("a man is not smiling, isn't wearing a hat", None, ["smiling", "hat"]),
        ("no cars or people, neither dogs nor cats", None, ["cars", "people", "dogs", "cats"]),
        ("not only dogs, but also Don Quixote", None, []),
    ],
)
def test_what_is_said_not_to_be_there_is_marked(text, language, negated):
    assert [word.key for word in tokens(text, language) if word.is_negated] == negated


SAME = {
    "en": """dogs/dog children/child women/woman sitting/sits sit/sitting colour/color grey/gray
        leaves/leaf wolves/wolf skies/sky wooden/wood sunny/sun snowy/snow golden/gold rusty/rust
        surfer/surfing dancer/dancing runner/running skateboarder/skateboard bearded/beard icy/ice
        smiling/smile smiles/smiling striped/stripes decoration/decorated theatre/theater
        painted/painting organised/organized three/3 thirty/30 pair/2 first/1st a/1 blonde/blond
        moustache/mustache northern/north happily/happy sks/sks hondas/honda 1980s/1980""",
    "de": """Hunde/Hund H\u00e4user/Haus rote/roter rotes/rot sitzt/sitzend Stra\u00dfe/Strasse
        drei/3 h\u00f6lzern/Holz gestreiftes/gestreift""",
    "fr": "chiens/chien assise/assis yeux/\u0153il brune/brun trois/3",
    "es": "perros/perro sentado/sentada luces/luz ni\u00f1a/ni\u00f1os dos/2",
    "it": "cani/cane bianchi/bianca uomini/uomo",
    "pt": "c\u00e3es/c\u00e3o sentado/sentada gatos/gata",
    "nl": "honden/hond katten/kat rode/rood",
    "ru": "\u0441\u043e\u0431\u0430\u043a\u0438/\u0441\u043e\u0431\u0430\u043a\u0430",
    "zh": "\u732b/\u732b",
    "xx": "abc/abc stra\u00dfe/strasse",
}
APART = """green/grey animal/anime tower/towel red/read cat/cap number/numb corner/corn letter/let
    man/mane bed/bend king/kind string/sting ring/rig table/tablet car/card hat/hate plane/plan
    pan/panda city/cite lady/lad orange/range two/three rosalind/rosalie ohwx/ohw sks/sk 3/13
    tower/tow flower/flow shower/show hatless/hat ohwxed/ohwx""".split()  # noqa: SIM905  # easier to read


@pytest.mark.parametrize(
    ("language", "pair"), [(code, pair) for code in SAME for pair in SAME[code].lower().split()]
)
def test_forms_of_a_word_are_the_same(language, pair):
    one, other = pair.split("/")

    assert stems(one, language) & stems(other, language)


@pytest.mark.parametrize("pair", APART)
def test_words_that_only_look_alike_are_not(pair):
    one, other = pair.split("/")

    assert not stems(one, None) & stems(other, None)


def test_a_region_does_not_change_the_language():
    assert stems("c\u00e3es", "pt-BR") == stems("c\u00e3es", "PT_br") == stems("c\u00e3es", "pt")


@pytest.mark.parametrize(
    ("key", "language", "expected"),
    [
        *(("die", None, False), ("une", None, True), ("une", "en", False)),
        *(("hat", None, False), ("door", None, False), ("hat", "de", True)),
        *(("the", None, True), ("shows", "en", True), ("dog", None, False), ("die", "en", False)),
        *(("die", "de", True), ("piano", "it", False), ("no", "pt", True), ("the", "fi", False)),
        *(("\u7684", None, True), ("\u732b", None, False), ("close", None, False)),
    ],
)
def test_function_words_and_glue_say_nothing(key, language, expected):
    assert is_neutral(key, language) is expected
