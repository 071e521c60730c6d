"""How much of a manual caption is left in a combined one, and how much of that is invented."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from capenh_pipeline.domain.fusion.facts import Fact, facts_of
from capenh_pipeline.domain.fusion.function_words import PLACES
from capenh_pipeline.domain.fusion.terms import has_exactly
from capenh_pipeline.domain.fusion.words import LONGEST_WORD, Word, is_neutral, stems, tokens

_SHORTEST_PART = 3
"""Letters of the parts of compounds; with less, words would be parts of each other by chance."""


class Score(NamedTuple):
    """A share of words.

    Attributes:
        value: 0 to 1, or None if there is nothing to count.
        missing: what the share lacks, as it stands in the text, in order.
        grave: those of `missing` that no share makes good: names, numbers, quotations, terms,
            colours, sides, and what the one negates and the other does not.
    """

    value: float | None
    missing: tuple[str, ...] = ()
    grave: tuple[str, ...] = ()


def retention(
    manual: str,
    caption: str,
    *,
    terms: Sequence[str] = (),
    language: str | None = None,
    is_translated: bool = False,
) -> Score:
    """Return the share of the manual caption's facts (see `facts_of`) that `caption` keeps.

    A locked term is kept as a whole word with its exact spelling, a quotation by all of its words
    in order, and any other word by one of its forms, in a compound too (sun-lit, sunlit). What
    the one negates the other must negate. Of a caption in another language only what no
    translation changes counts: terms and numbers in digits.
    """
    facts = facts_of(manual, terms, language=language)
    if is_translated:
        facts = tuple(fact for fact in facts if _outlasts_translation(fact))
    said, words = _Said([caption], language), tokens(manual, language)
    places = {word.start: place for place, word in enumerate(words)}

    def is_kept(fact: Fact) -> bool:
        if fact.kind == "term":
            return has_exactly(caption, fact.text)
        if fact.kind == "quote":
            return said.has_run(fact.words)
        return said.has(words, places[fact.words[0].start])

    lost = [fact for fact in facts if not is_kept(fact)]
    grave = [fact.text for fact in lost if fact.is_grave or any(map(said.denies, fact.words))]
    return _score(len(facts), [fact.text for fact in lost], grave)


def support(
    caption: str,
    sources: Iterable[str],
    *,
    language: str | None = None,
    is_translated: bool = False,
) -> Score:
    """Return the share of the caption's content words that stand in one of `sources`.

    Each word counts once; function words, the glue of captions and parts of any picture ("front")
    do not count. Where a source is in another language, only numbers in digits do.
    """
    said, words = _Said(sources, language), tokens(caption, language)
    content: dict[tuple[str, bool], int] = {}
    for place, word in enumerate(words):
        counts = word.key[0].isdigit() if is_translated else _is_content(word, language)
        if counts:
            content.setdefault((word.key, word.is_negated), place)
    added = [words[place] for place in content.values() if not said.has(words, place)]
    facts = facts_of(caption, language=language) if added else ()
    grave = {word.start for fact in facts if fact.is_grave for word in fact.words}
    return _score(
        len(content),
        [*map(_shown, added)],
        [_shown(word) for word in added if word.start in grave or said.denies(word)],
    )


def _outlasts_translation(fact: Fact) -> bool:
    return fact.kind == "term" or (fact.kind == "number" and fact.words[0].key[0].isdigit())


def _is_content(word: Word, language: str | None) -> bool:
    return not is_neutral(word.key, language) and word.key not in PLACES


def _shown(word: Word) -> str:
    return f"no {word.text}" if word.is_negated else word.text


def _score(count: int, missing: Sequence[str], grave: Sequence[str]) -> Score:
    return Score(1 - len(missing) / count if count else None, tuple(missing), tuple(grave))


class _Said:
    """What some texts say: the forms of their words, and the words one after the other."""

    def __init__(self, texts: Iterable[str], language: str | None) -> None:
        self._language = language
        self._forms: dict[bool, set[str]] = {False: set(), True: set()}
        self._lines: list[str] = []
        for text in texts:
            words = tokens(text, language)
            self._lines.append(_line(words))
            for word in words:
                self._forms[word.is_negated] |= stems(word.key, language)

    def has(self, words: Sequence[Word], place: int) -> bool:
        """Return whether the word at `place` in `words` is said, be it in a compound."""
        word = words[place]
        forms = self._forms[word.is_negated]
        if not forms.isdisjoint(stems(word.key, self._language)):
            return True
        if not word.key.isalpha():
            return False
        whole = (
            first.key + second.key
            for first, second in pairwise(words[max(place - 1, 0) : place + 2])
        )
        return self._has_parts(word.key) or any(
            not forms.isdisjoint(stems(compound, self._language)) for compound in whole
        )

    def denies(self, word: Word) -> bool:
        """Return whether the word is said where it is negated here, or the other way round."""
        return not self._forms[not word.is_negated].isdisjoint(stems(word.key, self._language))

    def has_run(self, words: Sequence[Word]) -> bool:
        """Return whether `words` are said one after the other."""
        return any(_line(words) in line for line in self._lines)

    def _has_parts(self, key: str) -> bool:
        """Return whether two words are said that begin as the parts of a compound do."""
        cuts = range(_SHORTEST_PART, min(len(key), LONGEST_WORD) - _SHORTEST_PART + 1)
        parts = [f" {key[:cut]} {key[cut:]}" for cut in cuts]
        return any(part in line for line in self._lines for part in parts)


def _line(words: Sequence[Word]) -> str:
    return f" {' '.join(word.key for word in words)} "
