"""A caption that was cut off."""

# ruff: noqa: RUF001  # letters of other scripts are meant

import re
from itertools import pairwise

from capenh_pipeline.domain.fusion.function_words import FUNCTION_WORDS
from capenh_pipeline.domain.fusion.languages import likely_language
from capenh_pipeline.domain.fusion.quotations import quotations
from capenh_pipeline.domain.fusion.sentences import folded, straight
from capenh_pipeline.domain.fusion.sources import Sources
from capenh_pipeline.domain.fusion.words import is_known
from capenh_pipeline.domain.vlm_texts import whole_sentences

_DANGLING = {
    code: frozenset(words.split())
    for code, words in {
        "en": "a an the and or nor with of from into onto his its their my your our which whose"
        " than as while they he she to is are was were has have at for between among against"
        " towards toward who wearing featuring including holding containing beside near behind"
        " alongside"
        " surrounded",
        "de": "und oder mit der die das ein eine einem einer einen im am von vom zum zur auf des"
        " dem in für gegen zwischen neben sowie",
        "fr": "et ou avec un une le la les du de dans sur à au aux des qui par pour sous chez vers",
        "es": "y o con el la los las un una unos unas de del en al que por para hacia desde entre",
        "it": "e o con un una il lo la gli le di della dello dei delle nel nella sul sulla che per"
        " tra fra dal dalla nei negli nelle sui sugli sulle",
        "pt": "e ou com o a os as um uma de do da dos das no na nos nas em que por para entre sob",
        "nl": "en of met de het een van op naar voor die tussen",
        "pl": "i oraz lub w we z ze na do od po pod nad przed przy przez o u dla bez między a ale",
        "cs": "a i nebo v ve z ze na do od po pod nad před při přes o u pro bez mezi ale",
        "sv": "och eller en ett från som vid mot hos mellan",
        "ru": "и а но или в во на с со к ко у о об от из под над перед при про по для без через"
        " между",
        "uk": "і й та а але або в у на з із зі до від під над перед при про по для без через між",
        "el": "και ή με σε από για στο στη στην στον στα στις",
        "ar": "و أو في من على إلى مع عن",
    }.items()
}
"""Words that something must follow, by language: articles, conjunctions and prepositions, but
those that are adverbs or parts of verbs too (German "auf", Swedish "på")."""

_ALSO_AT_A_FULL_STOP = frozenset(
    ("a", "an", "the", "and", "or", "with", "of", "his", "its", "their")
)
_MAYBE = frozenset(
    ("in", "on", "by", "over", "under", "through", "across", "along", "that", "very")
)
_TOGETHER = re.compile(r"\b(?:with|turned|switched)\b[^,.]{0,30}$")
"""What may end in "on" or "in": with her hat on, with the lights turned on."""

_SENTENCE = 5
"""Words that a sentence has, unlike "Photo by Ann." """

_WHOLE = 4
"""Letters of a word that is likely whole where it begins another of the same context."""

_TITLE_LIKE = 5
"""Words up to which a caption may end in "on" or "in", as tags do: "hat on"."""

_QUALITIES = (
    "red|blue|green|yellow|black|white|brown|grey|gray|orange|purple|pink|golden|silver|wooden|large"
    "|small|big|tall|short|long|little|tiny|huge|old|young|new|sandy|rocky|grassy|snowy|rusty|dark"
    "|bright|colorful|colourful|vibrant|beautiful|blurred|blurry|soft|warm|calm|busy|serene|stone"
    "|metal|plastic|brick|striped|rustic|vintage|modern|wide|narrow|thick|thin|single|round|square"
)
_BARE_QUALITY = re.compile(
    rf"\b(?:an?|his|her|its|their|\d+|two|three|four|five|six|several|many) (?:{_QUALITIES})$",
    re.IGNORECASE,
)
_BROKEN = re.compile(r"(?:[,;:(\[{&+/\u2014\u3001\uff0c\uff1a]|\s-|\w-|\u2026|\.\.\.)$")
_LAST_WORD = re.compile(r"([^\W\d_]+)[.\s]*$")
_SMILEY = re.compile(r"[:;=8][-o^']?[()\[\]]|\d[\"']")
_HASHTAGS = re.compile(r"(?:\s*#\w+)+$")
_PAIRS = (("(", ")"), ("[", "]"), ("\u201c", "\u201d"), ("\u00ab", "\u00bb"), ("\u300c", "\u300d"),
          ("\u300e", "\u300f"), ("{", "}"))  # fmt: skip
_SPACELESS_DANGLING = re.compile(r"(?:[的和与與在把被]|[はがをのでとやへ]|、)$")


def cut_off(caption: str, sources: Sources) -> str | None:
    """Return the end of `caption` if it was cut off there, or None.

    Tags, titles and phrases without a full stop are whole. What a source ends with is an end.
    """
    plain = _HASHTAGS.sub("", straight(caption).rstrip()).rstrip()
    end = f"\u2026{caption.rstrip()[-30:]}"
    if _is_open(plain) and not any(_is_open(straight(text)) for text in _texts(sources)):
        return end
    if _ends_as_a_source(plain, sources):
        return None
    is_cut = (
        _BROKEN.search(plain)
        or _SPACELESS_DANGLING.search(plain)
        or _BARE_QUALITY.search(plain)
        or _is_dangling(plain)
        or _has_a_tail(plain, sources)
        or _is_half_a_word(plain, sources)
    )
    return end if is_cut else None


def _texts(sources: Sources) -> list[str]:
    return [*([sources.manual] if sources.manual else []), *sources.seen]


def _is_open(text: str) -> bool:
    """Tell whether a quotation or a bracket is opened that is not closed."""
    text = _SMILEY.sub(" ", _without_quotations(text))
    return '"' in text or any(
        text.count(opening) > text.count(closing) for opening, closing in _PAIRS
    )


def _without_quotations(text: str) -> str:
    for start, end in reversed(quotations(text)):
        text = f"{text[:start]}\u25a1{text[end:]}"
    return text


def _ends_as_a_source(text: str, sources: Sources) -> bool:
    """Tell whether a person's or a VLM's text ends with the same three words, and no full stop."""
    last = " ".join(folded(text).split()[-3:])
    return bool(last) and any(
        folded(source).endswith(last)
        and source.rstrip()[-1:] == text[-1:]
        and not _BROKEN.search(text)
        for source in _texts(sources)
    )


def _is_dangling(text: str) -> bool:
    match = _LAST_WORD.search(text)
    if not match or text.count(" ") == 0:
        return False
    word = match[1]
    if match[0] != word:
        return word in _ALSO_AT_A_FULL_STOP
    if word in _MAYBE and text.count(" ") >= _TITLE_LIKE and "," not in text:
        return not _TOGETHER.search(text.rpartition(" ")[0])
    return word in _DANGLING.get(likely_language(text), ())


def _has_a_tail(text: str, sources: Sources) -> bool:
    """Tell whether whole sentences are followed by half a one."""
    text = _without_quotations(text)
    whole = whole_sentences(text).rstrip()
    tail = text[len(whole) :].strip(" \n\"'\u201d\u2019)]*")
    is_sentence = whole[-1:] in ".\u3002" and len(folded(whole).split()) >= _SENTENCE
    if not is_sentence or not any(map(str.isalnum, tail)):
        return False
    first = folded(tail).partition(" ")[0]
    if "," in tail and first not in FUNCTION_WORDS["en"]:  # tags after sentences
        return tail.count(" ") - 2 * tail.count(",") > _TITLE_LIKE
    return tail not in sources.terms


def _is_half_a_word(text: str, sources: Sources) -> bool:
    """Tell whether the last word is the beginning of a word of the sources, and no word itself."""
    match = _LAST_WORD.search(text)
    words = folded(text).split()
    if not match or match[0] != match[1] or not match[1].islower() or len(words) < 2:
        return False
    last = [word for source in _texts(sources) for word in folded(source).split()]
    if words[-1] in last:
        return False
    whole = [word for word in last if word.startswith(words[-1]) and len(word) > len(words[-1]) + 1]
    if any(pair == (words[-2], word) for pair in pairwise(last) for word in whole):
        return len(words[-1]) < _WHOLE or not _is_known(words[-1])
    return bool(whole) and not _is_known(words[-1])


def _is_known(word: str) -> bool:
    return not word.isascii() or is_known(word, "en")
