"""The language that a caption is in, as far as its script and its little words tell."""

# ruff: noqa: RUF001  # letters and marks of other scripts are meant

import re
import unicodedata
from collections import Counter
from functools import lru_cache

from capenh_pipeline.domain.fusion.function_words import FUNCTION_WORDS
from capenh_pipeline.domain.fusion.sentences import folded, unquoted
from capenh_pipeline.domain.fusion.sources import Sources
from capenh_pipeline.domain.fusion.words import language_of

NAMES = {
    "en": "English", "de": "German", "fr": "French", "es": "Spanish", "it": "Italian",
    "pt": "Portuguese", "nl": "Dutch", "pl": "Polish", "ru": "Russian", "zh": "Chinese",
    "ja": "Japanese", "ko": "Korean", "sv": "Swedish", "da": "Danish", "nb": "Norwegian",
    "fi": "Finnish", "cs": "Czech", "tr": "Turkish", "id": "Indonesian", "vi": "Vietnamese",
    "ro": "Romanian", "hu": "Hungarian", "uk": "Ukrainian", "el": "Greek", "ar": "Arabic",
    "he": "Hebrew", "hi": "Hindi", "th": "Thai", "bg": "Bulgarian", "fa": "Persian",
}  # fmt: skip
"""Names of languages by code."""

_SHARED = frozenset(
    ("de", "la", "et", "s", "t", "d", "m", "ll", "re", "c", "j", "l", "n", "qu", "ve", "i")
)
"""Parts of names and of words with apostrophes, which tell no language."""

_FURTHER = {  # to those languages whose captions are read word by word
    "pl": (
        "i w z na do się jest są nie to że który która które przed za obok oraz jego jej od "
        "po pod przez przy ma ten ta"
    ),
    "sv": (
        "och en ett på med som är av i den det för till sin sitt inte från under framför "
        "bredvid sitter"
    ),
    "da": ("og en et på med som er af i den det til sin ikke fra under foran ved siden sidder der"),
    "nb": "og en et på med som er av i den det til sin ikke fra under foran ved siden sitter",
    "fi": "ja on joka hänen sekä kanssa edessä vieressä alla päällä ovat istuu mutta",
    "cs": "a v na s se je jsou který která které před vedle do z ze jeho její nebo pod u sedí",
    "tr": "ve bir bu ile için olan üzerinde yanında önünde içinde var de da gibi",
    "id": "dan yang di dengan sebuah seorang pada dari untuk ini itu atas dalam sedang",
    "vi": "và một trên với của trong là đang có các những bên được",
    "ro": "și un o pe cu în este sunt care lângă sub din lui ei",
    "hu": "a az egy és van egyik mellett előtt alatt amely aki nem hogy rajta",
}
_LITTLE_WORDS = {
    **{code: words - _SHARED for code, words in FUNCTION_WORDS.items()},
    **{code: frozenset(words.split()) for code, words in _FURTHER.items()},
}
_LANGUAGES_OF = {
    word: [code for code, words in _LITTLE_WORDS.items() if word in words]
    for word in frozenset().union(*_LITTLE_WORDS.values())
}
_SCRIPTS = {
    "ru": "CYRILLIC", "uk": "CYRILLIC", "bg": "CYRILLIC", "be": "CYRILLIC", "sr": "CYRILLIC",
    "mk": "CYRILLIC", "el": "GREEK", "ar": "ARABIC", "fa": "ARABIC", "ur": "ARABIC", "he": "HEBREW",
    "hi": "DEVANAGARI", "mr": "DEVANAGARI", "ne": "DEVANAGARI", "th": "THAI", "ko": "HANGUL",
    "zh": "CJK", "ja": "CJK", "ka": "GEORGIAN", "hy": "ARMENIAN", "bn": "BENGALI", "ta": "TAMIL",
}  # fmt: skip
_OF_SCRIPT = {"CYRILLIC": "ru", "GREEK": "el", "ARABIC": "ar", "HEBREW": "he", "DEVANAGARI": "hi",
              "THAI": "th", "HANGUL": "ko", "CJK": "zh", "KANA": "ja"}  # fmt: skip
_NO_SPACES = frozenset(("CJK", "KANA", "THAI"))
_UKRAINIAN, _RUSSIAN = re.compile("[іїєґ]", re.IGNORECASE), re.compile("[ыэъё]", re.IGNORECASE)

_FOREIGN_SHARE = 0.25
"""Share of letters of another script that is too much."""

_FEWEST_WORDS, _FEWEST_LITTLE_WORDS = 5, 2
_FEWEST_CHARACTERS = 2
"""Characters of a script without spaces that are a word that slipped in."""


def wrong_language(caption: str, sources: Sources, language: str) -> str | None:
    """Return the fault of a caption that is not in `language`, or None.

    Quiet where it cannot know: on names, on a few words, on languages that no list is for. What
    is quoted, a locked term or a word of the manual caption may be in any language.

    Args:
        caption: a caption.
        sources: what it was made of.
        language: ISO 639 code.
    """
    code = "nb" if language_of(language) == "no" else language_of(language)
    text = _own_text(caption, sources)
    found = _by_script(text, code) or _by_little_words(text, code)
    if not found:
        return None
    return f"it is in {NAMES.get(found, found)}, not {NAMES.get(code, code)}"


def language_name(language: str) -> str:
    """Return what a language is called in English, as an LLM is told it."""
    return NAMES.get(language_of(language), f"the language with the ISO 639 code {language}")


def likely_language(text: str) -> str:
    """Return the language of the script that `text` has most of, in Latin that of its little words.

    It is `en` where nothing tells.
    """
    scripts = _scripts(text).most_common(1)
    if scripts and scripts[0][0] != "LATIN":
        return _language_in(scripts[0][0], text)
    counts = _little_words(text)
    best = max(counts, key=lambda code: counts[code])
    return best if counts[best] > counts["en"] else "en"


def _own_text(caption: str, sources: Sources) -> str:
    """Return `caption` without what may be in another language."""
    text = unquoted(caption)
    for term in sources.terms:
        text = text.replace(term, " ")
    return text


def _by_script(text: str, code: str) -> str | None:
    counts = _scripts(text)
    total = counts.total()
    own = _SCRIPTS.get(code, "LATIN")
    allowed = {"CJK": {"CJK", "KANA"} if code == "ja" else {"CJK"}, "HANGUL": {"HANGUL"}}.get(
        own, {own}
    )
    if code == "ja" and counts["CJK"] > _FEWEST_WORDS * 2 and not counts["KANA"]:
        return "zh"
    for script, count in counts.most_common():
        if script in allowed or (script == "LATIN" and count < total * (1 - _FOREIGN_SHARE)):
            continue
        slipped_in = script in _NO_SPACES and count >= _FEWEST_CHARACTERS
        if slipped_in or (count > total * _FOREIGN_SHARE and count > _FEWEST_CHARACTERS):
            return _language_in(script, text)
    if own == "CYRILLIC" and code in ("ru", "uk"):
        other, sign = ("uk", _UKRAINIAN) if code == "ru" else ("ru", _RUSSIAN)
        return other if sign.search(text) else None
    return None


def _language_in(script: str, text: str) -> str:
    if script == "LATIN":
        counts = _little_words(text)
        return max(counts, key=lambda code: counts[code]) if any(counts.values()) else "en"
    if script == "CYRILLIC" and _UKRAINIAN.search(text):
        return "uk"
    return _OF_SCRIPT.get(script, script.lower())


def _scripts(text: str) -> Counter[str]:
    """Return how many letters of each script `text` has."""
    if text.isascii():
        return Counter(LATIN=sum(map(str.isalpha, text)))
    return Counter(filter(None, map(_script, text)))


@lru_cache(maxsize=1 << 12)
def _script(character: str) -> str | None:
    if not character.isalpha():
        return None
    name = unicodedata.name(character, "").split(" ")[0]
    return "KANA" if name in ("HIRAGANA", "KATAKANA") else name.removesuffix("-COMPATIBILITY")


def _by_little_words(text: str, code: str) -> str | None:
    words = folded(text).split()
    if len(words) < _FEWEST_WORDS or code not in _LITTLE_WORDS:
        return None
    counts = _little_words(text)
    best = max(counts, key=lambda other: counts[other])
    is_other = counts[best] >= counts[code] + _FEWEST_LITTLE_WORDS
    return best if is_other else None


def _little_words(text: str) -> dict[str, int]:
    """Return how many different little words of each language `text` has."""
    counts = dict.fromkeys(_LITTLE_WORDS, 0)
    for word in set(folded(text).split()):
        for code in _LANGUAGES_OF.get(word, ()):
            counts[code] += 1
    return counts
