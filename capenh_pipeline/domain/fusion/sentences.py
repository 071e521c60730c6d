"""Where sentences begin and end, and what in them is quoted."""

import re
from functools import lru_cache

from capenh_pipeline.domain.fusion.quotations import quotations
from capenh_pipeline.domain.fusion.words import SPACELESS

_END = re.compile(
    r"(?<![.!?\u2026])[.!?\u2026]++[\"'\u201d\u2019\u00bb)\]*_]*+\s+"
    r"|[\u3002\uff01\uff1f\u0964\u061f\u06d4]+[\u300d\u300f\u201d\uff09)]?\s*"
    r"|\s*\n\s*"
)
_WIDE = re.compile(r"\s{4,}")
_SPACELESS = re.compile(f"[{SPACELESS}]")
_NOT_A_WORD = re.compile(r"[\W_]+")
_CURLY = str.maketrans("\u2018\u2019\u02bc\u2032\u201b", "'''''")


@lru_cache(maxsize=256)
def sentence_starts(text: str) -> tuple[int, ...]:
    """Return where the sentences and lines of `text` start.

    A full stop after an abbreviation counts as an end: who looks for wording at the start of
    sentences may look at a few places too many.
    """
    return (0, *(match.end() for match in _END.finditer(text) if match.end() < len(text)))


def sentences(text: str) -> list[str]:
    """Return the sentences and lines of `text`, without white space around them."""
    starts = sentence_starts(text)
    parts = (text[a:b].strip() for a, b in zip(starts, (*starts[1:], len(text)), strict=True))
    return [part for part in parts if part]


@lru_cache(maxsize=256)
def unquoted(text: str) -> str:
    """Return `text` with what it quotes blanked out: what a sign says is not said by a model.

    Every character keeps its place.
    """
    for start, end in quotations(text):
        text = f"{text[: start + 1]}{' ' * (end - start - 2)}{text[end - 1 :]}"
    return text


def tight(text: str) -> str:
    """Return `text` with at most three white space characters in a row."""
    return _WIDE.sub(lambda match: "\n\n" if "\n" in match[0] else " ", text)


def straight(text: str) -> str:
    """Return `text` with plain apostrophes, so that wording is found however it was typed."""
    return text.translate(_CURLY)


@lru_cache(maxsize=1024)
def folded(text: str) -> str:
    """Return the words of `text` in lower case, one space apart, to compare wording."""
    return _NOT_A_WORD.sub(" ", straight(text).replace("'", "").lower()).strip()


def holds(text: str | None, wording: str) -> bool:
    """Tell whether `wording` stands in `text`, whatever its punctuation and letter case."""
    words = folded(wording)
    if not (text and words):
        return False
    if _SPACELESS.search(words):
        return words in folded(text)
    return f" {words} " in f" {folded(text)} "
