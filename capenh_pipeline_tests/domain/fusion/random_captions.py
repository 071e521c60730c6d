"""Captions as people and models write them, put together by chance."""

import random

TERMS = ("sks", "ohwx-v2", "C++", "Grace Hopper", "\u732b\u30d0\u30b9", "stra\u00dfe")
_SUBJECTS = (
    *("a brown dog", "two women", "Rosalind", "3 kittens", "the old lighthouse", "sks dog"),
    *("1girl, long_hair, blue_eyes", "a man without a hat", "Grace Hopper", "twenty-five sheep"),
    *(
        "\u732b\u30d0\u30b9",
        "\u4e00\u53ea\u6a58\u8272\u7684\u732b",
        "Zo\u00eb's caf\u00e9",
        "C++ book",
    ),
)
_DEEDS = (
    *(
        "sits",
        "runs",
        "is sleeping",
        "holding a red umbrella",
        "in Paris",
        'under a sign "OPEN 24h"',
    ),
    *(
        "on a snow-covered hill",
        "35mm film, 1,000 ISO",
        "l\u00e4chelt",
        "sous l'arbre",
        "at sunset",
    ),
    *(
        "next to Mr. Smith",
        "with no shoes on",
        "photographed from behind",
        "(close-up)",
        "#beach \U0001f600",
    ),
)
_ENDS = (".", "!", "", ",", "...", "\u3002", '."')


def captions(count: int, *, seed: int) -> list[str]:
    """Return captions of one to five sentences."""
    chance = random.Random(seed)  # noqa: S311  # no secret
    return [_caption(chance) for _ in range(count)]


def _caption(chance: random.Random) -> str:
    sentences = [
        " ".join([chance.choice(_SUBJECTS), *chance.sample(_DEEDS, chance.randint(0, 3))])
        for _ in range(chance.randint(1, 5))
    ]
    cased = [chance.choice((str, str.capitalize, str.upper, str.title))(text) for text in sentences]
    return chance.choice((" ", "\n")).join(text + chance.choice(_ENDS) for text in cased)
