"""What goes wrong in a text that a VLM writes: it is cut off, or goes round in circles."""

import re
from collections import Counter
from collections.abc import Sequence

LONGEST_PHRASE = 8
"""Words of a phrase whose repetition is looked for."""

_LAST_WORDS, _LAST_PHRASES, _ANYWHERE = 6, 4, 10
"""Repeats that count: of a word or a phrase at the end of a text, and of either within it."""

# Scripts that are written without spaces count by the character.
_WORD = re.compile(
    r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u0e00-\u0e7f\U00020000-\U0002fa1f]"
    r"|(?:(?![\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u0e00-\u0e7f])\w)+"
)
_SENTENCE_END = re.compile(
    r"(?<![.!?\u2026])[.!?\u2026]++[\"'\u201d\u2019\u00bb)\]]*+(?=\s|$)"
    r"|[\u3002\uff01\uff1f\u0964\u061f\u06d4][\u300d\u300f\u201d]?"
)
_ABBREVIATIONS = (
    r"mr|mrs|ms|dr|st|prof|jr|sr|vs|etc|approx|ca|no|vol|ver|fig|mt|oz|cm|mm|ft|inc|ltd"
    r"|e\.g|i\.e|[a-z]|[a-z]\.[a-z]"
)
_LONGEST_ABBREVIATION = 40  # with what may stand before it
_FOLLOWING = re.compile(r"\s*\S")
_NO_END = re.compile(
    rf"(?:^|[\s(\"'])(?:{_ABBREVIATIONS})\.$|(?:^|\n)[\s*#-]*\d+\.$", re.IGNORECASE
)


def find_loop(text: str) -> str | None:
    """Return the phrase of up to eight words that `text` says again and again, or None.

    At the end of a text, where models go round in circles until they are cut off, a phrase counts
    when it stands four times in a row, a single word six times; within it ten times, because
    people too write "HA HA HA". Letter case and punctuation do not matter.
    """
    words = _WORD.findall(text.lower())
    if not _may_loop(words):
        return None
    for size in range(1, LONGEST_PHRASE + 1):
        run = 0
        for place in range(size, len(words)):
            run = run + 1 if words[place] == words[place - size] else 0
            if run >= size * (_repeats(size, is_last=place == len(words) - 1) - 1):
                first = place - run - size + 1
                return " ".join(words[first : first + size])
    return None


def _may_loop(words: Sequence[str]) -> bool:
    """Return whether as many frequent words stand in a row as a loop has: a quick test."""
    counts, run = Counter(words), 0
    for word in words:
        run = run + 1 if counts[word] >= _LAST_PHRASES else 0
        if run >= _LAST_PHRASES:
            return True
    return False


def whole_sentences(text: str) -> str:
    """Return `text` up to the end of its last whole sentence; all of it if it has none."""
    ends = sentence_ends(text)
    return text[: ends[-1]] if ends else text


def sentence_ends(text: str) -> list[int]:
    """Return where sentences end in `text`, in order.

    A full stop after an abbreviation, an initial or the number of a list ends no sentence, nor
    does anything before a lower-case letter.
    """
    ends = (match.end() for match in _SENTENCE_END.finditer(text))
    return [end for end in ends if _is_end(text, end)]


def _repeats(size: int, *, is_last: bool) -> int:
    if not is_last:
        return _ANYWHERE
    return _LAST_WORDS if size == 1 else _LAST_PHRASES


def _is_end(text: str, end: int) -> bool:
    following = _FOLLOWING.match(text, end)
    if following and following[0][-1].islower():
        return False
    return not _NO_END.search(text, max(0, end - _LONGEST_ABBREVIATION), end)
