"""Trigger words and locked terms: kept by code, exactly as they are written."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from capenh_pipeline.domain.fusion.words import SPACELESS

_SPACELESS = re.compile(f"[{SPACELESS}]")


class Place(NamedTuple):
    """Where a term stands in a composed (NFC) text."""

    term: str
    start: int
    end: int


def places_of(text: str, terms: Sequence[str]) -> list[Place]:
    """Return where `terms` stand in `text` as whole words, in any letter case, in order.

    No letter, digit, underscore or mark may stand on either side; scripts without spaces have no
    such borders. White space is any white space. Places do not overlap: a longer term goes first.
    """
    text = unicodedata.normalize("NFC", text)
    found: list[Place] = []
    taken = bytearray(len(text))
    for term in sorted(_clean(terms), key=len, reverse=True):
        for start, end in _spans(text, term):
            if not any(taken[start:end]):
                taken[start:end] = b"\1" * (end - start)
                found.append(Place(term, start, end))
    return sorted(found, key=lambda place: place.start)


def terms_in(text: str, terms: Sequence[str]) -> tuple[str, ...]:
    """Return the terms that stand in `text` as whole words, in any letter case."""
    text = unicodedata.normalize("NFC", text)
    return tuple(term for term in _clean(terms) if next(_spans(text, term), None))


def lost_terms(text: str, terms: Sequence[str]) -> tuple[str, ...]:
    """Return the terms that do not stand in `text`, in any letter case."""
    there = terms_in(text, terms)
    return tuple(term for term in _clean(terms) if term not in there)


def with_terms(caption: str, terms: Sequence[str]) -> str:
    """Return `caption` with all `terms` in it as whole words, spelt exactly as they are.

    A term that stands there in another letter case alone is respelt, one that does not is put in
    front: `sks, A dog.`. Doing it twice changes nothing, nor does it where nothing is to do.
    """
    absent = [term for term in _clean(terms) if not has_exactly(caption, term)]
    if places := places_of(caption, absent):
        caption = unicodedata.normalize("NFC", caption)
        for place in reversed(places):
            caption = caption[: place.start] + place.term + caption[place.end :]
    lost = [term for term in absent if not has_exactly(caption, term)]
    return ", ".join([*lost, *([caption] if caption.strip() else [])]) if lost else caption


def has_exactly(text: str, term: str) -> bool:
    """Return whether `term` stands in `text` as a whole word, spelt exactly as it is."""
    text = unicodedata.normalize("NFC", text)
    return any(
        " ".join(text[start:end].split()) == clean
        for clean in _clean([term])
        for start, end in _spans(text, clean)
    )


def _clean(terms: Sequence[str]) -> tuple[str, ...]:
    """Return terms composed and trimmed, in order, the first spelling of each."""
    return _cleaned(tuple(terms))


@lru_cache(maxsize=1 << 8)
def _cleaned(terms: tuple[str, ...]) -> tuple[str, ...]:
    spelt = (" ".join(unicodedata.normalize("NFC", term).split()) for term in terms)
    first: dict[str, str] = {}
    for term in filter(None, spelt):
        first.setdefault(_folded(term)[0], term)
    return tuple(first.values())


def _spans(text: str, term: str) -> Iterator[tuple[int, int]]:
    """Yield where a composed term starts and ends in a composed text."""
    folded, starts = _folded(text)
    if not all(word in folded for word in _words(term)):
        return  # most of a long list are not there, and compiling a pattern takes long
    for match in _pattern(term).finditer(folded):
        start, end = match.span(1)
        if _is_apart(folded[max(start - 1, 0) : start], folded[start]) and _is_apart(
            folded[end : end + 1], folded[end - 1]
        ):
            yield starts[start], starts[end]


@lru_cache(maxsize=1 << 10)
def _pattern(term: str) -> re.Pattern[str]:
    """Return what finds `term` in a folded text wherever it starts."""
    words = r"\s+".join(map(re.escape, _words(term)))
    return re.compile(f"(?=({words}))")


@lru_cache(maxsize=1 << 16)
def _words(term: str) -> tuple[str, ...]:
    return tuple(_folded(term)[0].split())


@lru_cache(maxsize=1 << 8)
def _folded(text: str) -> tuple[str, Sequence[int]]:
    """Return a composed text without letter case, where its characters stood, and its end."""
    if text.isascii():
        return text.lower(), range(len(text) + 1)
    forms = [unicodedata.normalize("NFC", character.casefold()) for character in text]
    starts = [start for start, form in enumerate(forms) for _ in form]
    return "".join(forms), [*starts, len(text)]


def _is_apart(neighbour: str, edge: str) -> bool:
    """Return whether a character, or none, next to the edge of a term belongs to another word."""
    if _SPACELESS.match(neighbour) or _SPACELESS.match(edge):
        return True
    return not (
        neighbour.isalnum() or neighbour == "_" or unicodedata.category(neighbour or " ")[0] == "M"
    )
