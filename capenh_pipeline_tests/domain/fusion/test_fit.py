"""About how many tokens a text is."""

from itertools import pairwise

import pytest

from capenh_pipeline.domain.fusion.fit import FITS

# Counts of the real tokenizers, special tokens included (Qwen: the five that end its prompt).
COUNTED = [
    ("A brown dog sits on green grass next to a red ball.", 15, 18),
    ("sks dog, red ball, beach, golden hour, shallow depth of field", 17, 21),
    (
        "1girl, solo, long_hair, blue_eyes, school_uniform, smile, "
        "looking_at_viewer, cherry_blossoms, outdoors",
        32,
        33,
    ),
    (
        "The image shows a bustling street market in Marrakech, where vendors "
        "display colorful spices, handwoven rugs and brass lanterns beneath "
        "striped awnings.",
        30,
        36,
    ),
    (
        "A screenshot of a mobile banking app showing a balance of $1,284.50, a"
        " transfer button, and a list of recent transactions dated 03/12/2023.",
        45,
        49,
    ),
    (
        'A neon sign reading "OPEN 24 HOURS" glows pink and blue in a '
        "rain-streaked window in Shibuya.",
        26,
        33,
    ),
    ("Portrait of an elderly Quechua woman in traditional montera hat, Cusco, Peru", 20, 24),
    ("Ein brauner Hund sitzt auf einer grünen Wiese neben einem roten Ball.", 25, 24),
    ("Une femme assise sur l'herbe lit un livre à l'ombre d'un vieux châtaignier.", 30, 30),
    ("Рыжий кот спит на подоконнике рядом \u0441 горшком герани.", 57, 27),
    ("一只棕色的狗坐在绿色的草地上\uff0c旁边有一个红色的球。", 66, 21),
    ("赤い帽子をかぶった猫が窓辺で眠っている。", 41, 22),
    ("빨간 모자를 쓴 고양이가 창가에서 자고 있다.", 39, 24),
    ("امرأة ترتدي ثوبًا أحمر تقف بجانب النهر عند الغروب.", 45, 27),
]


@pytest.mark.parametrize(("text", "clip", "qwen"), COUNTED)
def test_the_approximation_is_close_and_on_the_safe_side(text, clip, qwen):
    assert clip <= FITS["clip"].approximate(text) <= clip * 1.6
    assert qwen <= FITS["qwen"].approximate(text) <= qwen * 1.8


def test_nothing_is_the_special_tokens():
    assert {name: fit.approximate("") for name, fit in FITS.items()} == {
        "clip": 2,
        "t5": 1,
        "qwen": 5,
    }


def test_the_limits_are_those_of_the_models():
    assert {name: fit.max_tokens for name, fit in FITS.items()} == {
        "clip": 77,
        "t5": 512,
        "qwen": 1024,
    }


@pytest.mark.parametrize("name", sorted(FITS))
def test_every_sentence_of_any_script_adds_tokens(name):
    sentences = [
        *(text for text, _, _ in COUNTED),
        "\U0001f600",
        "\u0915\u0940",
        "xyz" * 50,
        "_",
        "4",
    ]

    counts = [FITS[name].approximate(" ".join(sentences[:end])) for end in range(len(sentences))]

    assert all(sooner < later for sooner, later in pairwise(counts))
