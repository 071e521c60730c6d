"""Words of captions: where they stand, what they say, and when two of them are the same."""

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

from capenh_pipeline.domain.fusion.english import american, bases
from capenh_pipeline.domain.fusion.function_words import (
    ALTERNATIVES,
    FUNCTION_WORDS,
    GLUE,
    NEGATORS,
    NUMBER_WORDS,
    ORDINALS,
    SCALES,
    SPACELESS_FUNCTION_WORDS,
    TENS,
)

SPACELESS = (
    r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
    r"\uf900-\ufaff\U00020000-\U0003ffff"
)
"""Scripts that are written without spaces (Thai, Lao, Burmese, Khmer, Japanese, Chinese), as they
stand in a character class; each of their characters counts as a word."""

# Signs of vowels and accents that Python's \w leaves out, and joiners.
_MARKS = (
    r"\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed\u0900-\u0963"
    r"\u0971-\u0dff\u200c\u200d"
)
_WORD = re.compile(
    rf"(?P<number>\d+(?:[.,]\d+)*)(?P<end>(?:st|nd|rd|th|s)\b)?"
    rf"|[{SPACELESS}]"
    rf"|(?:(?![{SPACELESS}\d_])\w)(?:(?![{SPACELESS}_])[\w{_MARKS}])*",
    re.IGNORECASE,
)
_THOUSANDS = re.compile(r"\d{1,3}([.,])\d{3}(?:\1\d{3})*")
_SENTENCE_END = re.compile(r"[.!?:\u2026\u3002\uff01\uff1f\n]")
_LONGEST_NUMBER = 18
"""Digits of what is read as a number; more are an identifier."""

LONGEST_WORD = 60
"""Letters of what is looked up in a dictionary, which tries all parts of a word as a compound."""

_LAST_LATIN = "\u024f"

_MORE_THAN = frozenset(("only", "just"))
"""Words after which "not" negates nothing: not only a dog, but also a cat."""

_LOOSE_NUMBERS = {
    *("both", "pair", "couple", "duo", "twin", "twins", "trio", "dozen"),
    *("beide", "paar", "paire", "par", "pareja", "coppia", "paio", "casal"),
}
"""Words that say a number beside something else."""

_SNOWBALL = {
    "de": "german",
    "fr": "french",
    "es": "spanish",
    "it": "italian",
    "pt": "portuguese",
    "nl": "dutch",
    "ru": "russian",
    "sv": "swedish",
    "da": "danish",
    "nb": "norwegian",
    "fi": "finnish",
    "hu": "hungarian",
    "ro": "romanian",
    "tr": "turkish",
}
_NEGATORS_OF_ANY_LANGUAGE = frozenset().union(*NEGATORS.values())
_OF_ANY_LANGUAGE = frozenset().union(*FUNCTION_WORDS.values(), *GLUE.values())


class Word(NamedTuple):
    """A word of a text, or a character of a script without spaces.

    Attributes:
        text: as it stands there, composed (NFC).
        key: in lower case; a number in digits.
        start: where it starts in the composed text.
        is_capital: it begins with a capital, not because a sentence begins with it.
        begins_sentence: it is the first of a sentence or a line.
        is_negated: a word as "no" or "without" stands before it.
    """

    text: str
    key: str
    start: int
    is_capital: bool = False
    begins_sentence: bool = False
    is_negated: bool = False


@lru_cache(maxsize=1 << 10)
def tokens(text: str, language: str | None = None) -> tuple[Word, ...]:
    """Return the words of `text` in order.

    Apostrophes, hyphens and underscores part words (`long_hair` is two), and so do a number and
    its unit (35mm). Numbers in English words are one (twenty-five, two hundred).

    Args:
        text: a caption.
        language: see `stems`; it tells which words negate the next one.
    """
    text = unicodedata.normalize("NFC", text)
    words: list[Word] = []
    negates, end = False, 0
    for match in _WORD.finditer(text):
        gap = text[end : match.start()]
        end = match.end()
        begins_sentence = not words or (gap != " " and bool(_SENTENCE_END.search(gap)))
        word = _word(match, begins_sentence=begins_sentence)
        if words and (whole := _one_number(words[-1], gap, word)):
            words[-1] = whole
            continue
        negates = negates and not word.begins_sentence and word.key not in _MORE_THAN
        if negates and not is_neutral(word.key, language):
            word, negates = word._replace(is_negated=not word.key[0].isdigit()), False
        is_carried_on = word.key in ALTERNATIVES and words and words[-1].is_negated
        negates = negates or is_carried_on or _is_negator(word.key, language)
        words.append(word)
    return tuple(words)


@lru_cache(maxsize=1 << 16)
def stems(key: str, language: str | None) -> frozenset[str]:
    """Return the forms of a word by which it is compared: two words are the same if one is shared.

    They are its lemma and stem, and in English also what it may be derived from. Words that the
    dictionary of the language does not have (names, `sks`) only lose the ending of a plural.

    Args:
        key: the `key` of a `Word`.
        language: an ISO 639 code, as in `de` or `pt-BR`; None reads as English. A language that
            no dictionary is for has its words compared as they are.
    """
    code = language_of(language)
    number = NUMBER_WORDS.get(code, {}).get(key) or ORDINALS.get(key) or TENS.get(key)
    found = {key, str(number or key), *_stems(key, code)}
    if key[0].isdigit() and key[-1] == "s":
        found.add(key[:-1])
    return frozenset(_plain(stem.casefold()) for stem in found)


@lru_cache(maxsize=1 << 16)
def is_neutral(key: str, language: str | None) -> bool:
    """Return whether a word is a function word or glue, which says nothing about an image.

    Without a language those of all languages count that are no English words: people forget to
    say that their captions are French.
    """
    code = language_of(language)
    if key in FUNCTION_WORDS.get(code, ()) or key in SPACELESS_FUNCTION_WORDS:
        return True
    return key in GLUE.get(code, ()) or (
        language is None and key in _OF_ANY_LANGUAGE and not is_known(key, "en")
    )


@lru_cache(maxsize=1 << 16)
def is_known(key: str, code: str) -> bool:
    """Return whether the dictionary of the language `code` has a word.

    Raises:
        ValueError: there is no dictionary of that language.
    """
    import simplemma  # its dictionaries take up to a second to load

    return simplemma.is_known(key[:LONGEST_WORD], lang=code)


def is_number_word(key: str, language: str | None) -> bool:
    """Return whether a word says how many there are, beyond one and "a pair"."""
    number = NUMBER_WORDS.get(language_of(language), {}).get(key)
    return number is not None and number != "1" and key not in _LOOSE_NUMBERS


def language_of(language: str | None) -> str:
    """Return the code of a language without its region; `en` for None."""
    return re.split("[-_]", language.lower())[0] if language else "en"


@lru_cache(maxsize=1 << 16)
def _is_negator(key: str, language: str | None) -> bool:
    """Return whether a word negates the next one; without a language see `is_neutral`."""
    return key in NEGATORS.get(language_of(language), ()) or (
        language is None and key in _NEGATORS_OF_ANY_LANGUAGE and not is_known(key, "en")
    )


def _plain(key: str) -> str:
    """Return a word of the Latin script without accents, which people leave out."""
    if key.isascii() or key[0] > _LAST_LATIN:
        return key
    parts = unicodedata.normalize("NFD", key)
    return "".join(part for part in parts if not unicodedata.combining(part))


def _word(match: re.Match[str], *, begins_sentence: bool) -> Word:
    text = match[0]
    if match.lastgroup is None:
        key = text.lower()
    else:
        key = _digits(match["number"]) + (match["end"] or "").lower()
    is_capital = text[0].isupper() and not begins_sentence
    return Word(text, key, match.start(), is_capital, begins_sentence)


def _digits(number: str) -> str:
    """Return a number without separators of thousands, its decimals after a point."""
    if _THOUSANDS.fullmatch(number):
        number = re.sub("[.,]", "", number)
    if number.isdecimal() and len(number) <= _LONGEST_NUMBER:
        return str(int(number))
    return number.replace(",", ".")


def _one_number(first: Word, gap: str, second: Word) -> Word | None:
    """Return the number that two words say together, as twenty-five and 2 million do."""
    if not (first.key in TENS or second.key in SCALES) or gap.strip(" -"):
        return None
    value = _value(first.key)
    if value is None:
        return None
    if first.key in TENS and (unit := _value(second.key)) and unit < 10:
        value += unit
    elif second.key in SCALES:
        value *= SCALES[second.key]
    else:
        return None
    return first._replace(text=first.text + gap + second.text, key=str(value))


def _value(key: str) -> int | None:
    if key in TENS:
        return TENS[key]
    if key.isdecimal() and len(key) <= _LONGEST_NUMBER:
        return int(key)
    number = NUMBER_WORDS["en"].get(key)
    return int(number) if number and key not in _LOOSE_NUMBERS else None


def _stems(key: str, code: str) -> set[str]:
    if not key[0].isalpha() or len(key) > LONGEST_WORD or re.match(f"[{SPACELESS}]", key):
        return set()
    import simplemma

    try:
        lemmas = {simplemma.lemmatize(form, lang=code).lower() for form in (key, key.capitalize())}
    except ValueError:  # it has no dictionary of this language
        return _snowball({key}, code)
    if code != "en":
        return lemmas | _snowball({key, *lemmas}, code)
    if not is_known(key, code):
        return {key.removesuffix("s")} if len(key) > 3 else set()  # s of a plural
    spelt = {american(form) for form in (key, *lemmas)}
    return lemmas | spelt | {base for form in spelt for base in bases(form)}


def _snowball(forms: set[str], code: str) -> set[str]:
    if code not in _SNOWBALL:
        return forms
    import snowballstemmer  # only for languages that need it

    return set(snowballstemmer.stemmer(_SNOWBALL[code]).stemWords(list(forms)))
