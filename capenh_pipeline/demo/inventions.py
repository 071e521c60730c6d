"""Words nobody has seen before: trigger words and names, as people write them in captions."""

import random
import string

_CONSONANTS = "bcdfghjklmnprstvwxyz"
_VOWELS = "aeiou"
_ACCENTED = "áéíóúäöüåñøç"
_ENDINGS = ("", "", "n", "l", "r", "s", "nd", "th", "ng", "ck", "m", "t")


def invent_trigger(rng: random.Random) -> str:
    """Return a trigger word, such as `sks`, `zuvo`, `TOK`, `p3rs0n` or `ohwx-v2`."""
    kind = rng.random()
    if kind < 0.4:
        return _letters(rng, string.ascii_lowercase, 2, 5)
    if kind < 0.65:
        return _syllables(rng, 2, 4)
    if kind < 0.8:
        return _letters(rng, string.ascii_lowercase + string.digits, 3, 6)
    if kind < 0.9:
        return _letters(rng, string.ascii_uppercase, 2, 4)
    return f"{_letters(rng, string.ascii_lowercase, 3, 4)}{rng.choice('-_')}{_version(rng)}"


def invent_name(rng: random.Random) -> str:
    """Return one or two capitalised words, such as `Rosalind` or `Vera Molnár`."""
    return " ".join(_name(rng) for _ in range(rng.choice((1, 1, 2))))


def _name(rng: random.Random) -> str:
    name = (_syllables(rng, 1, 3) + rng.choice(_CONSONANTS + _VOWELS) + _ending(rng)).capitalize()
    if rng.random() < 0.15:
        return name.replace(rng.choice(_VOWELS), rng.choice(_ACCENTED), 1)
    return name


def _syllables(rng: random.Random, low: int, high: int) -> str:
    return "".join(
        rng.choice(_CONSONANTS) + rng.choice(_VOWELS) + (_ending(rng) if rng.random() < 0.3 else "")
        for _ in range(rng.randint(low, high))
    )


def _ending(rng: random.Random) -> str:
    return rng.choice(_ENDINGS)


def _letters(rng: random.Random, alphabet: str, low: int, high: int) -> str:
    return "".join(rng.choice(alphabet) for _ in range(rng.randint(low, high)))


def _version(rng: random.Random) -> str:
    return f"{rng.choice(('', 'v'))}{rng.randint(1, 20)}"
