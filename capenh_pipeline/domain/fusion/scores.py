"""How much of a manual caption is left in a combined one, and how much of that is invented."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from capenh_pipeline.domain.fusion.facts import Fact, facts_of
from capenh_pipeline.domain.fusion.function_words import PLACES
from capenh_pipeline.domain.fusion.terms import has_exactly
from capenh_pipeline.domain.fusion.words import Word, is_neutral, stems, tokens


class Score(NamedTuple):
    """A share of words.

    Attributes:
        value: 0 to 1, or None if there is nothing to count.
        missing: what the share lacks, as it stands in the text, in order.
    """

    value: float | None
    missing: tuple[str, ...] = ()


def retention(
    manual: str, caption: str, *, terms: Sequence[str] = (), language: str | None = None
) -> Score:
    """Return the share of the manual caption's facts (see `facts_of`) that `caption` keeps.

    A locked term is kept as a whole word with its exact spelling, a quotation by all of its words
    in order, and any other word by one of its forms, in a compound too (sun-lit, sunlit). What
    the one negates the other must negate.
    """
    facts = facts_of(manual, terms, language=language)
    said, words = _Said([caption], language), tokens(manual, language)
    lost = [fact.text for fact in facts if not _is_kept(fact, caption, said, words)]
    return _score(len(facts), lost)


def support(caption: str, sources: Iterable[str], *, language: str | None = None) -> Score:
    """Return the share of the caption's content words that stand in one of `sources`.

    Each word counts once; function words, the glue of captions and parts of any picture ("front")
    do not count.
    """
    said, words = _Said(sources, language), tokens(caption, language)
    content: dict[tuple[str, bool], Word] = {}
    for word in words:
        if not is_neutral(word.key, language) and word.key not in PLACES:
            content.setdefault((word.key, word.is_negated), word)
    added = [word for word in content.values() if not said.has(word, words)]
    return _score(len(content), [f"no {w.text}" if w.is_negated else w.text for w in added])


def _score(count: int, missing: Sequence[str]) -> Score:
    return Score(1 - len(missing) / count if count else None, tuple(missing))


class _Said:
    """What some texts say: the forms of their words, and of each two as one compound."""

    def __init__(self, texts: Iterable[str], language: str | None) -> None:
        self._language = language
        self._forms: dict[bool, set[str]] = {False: set(), True: set()}
        self._lines: list[str] = []
        for text in texts:
            words = tokens(text, language)
            self._lines.append(_line(words))
            for word in words:
                self._forms[word.is_negated] |= stems(word.key, language)
            for first, second in pairwise(words):
                self._forms[second.is_negated] |= self._compounds(first, second)

    def has(self, word: Word, words: Sequence[Word]) -> bool:
        """Return whether `word` is said, as it is or as a part of a compound, in `words`."""
        forms = self._forms[word.is_negated]
        if not forms.isdisjoint(stems(word.key, self._language)):
            return True
        place = words.index(word)
        neighbours = pairwise(words[max(place - 1, 0) : place + 2])
        return any(not forms.isdisjoint(self._compounds(*pair)) for pair in neighbours)

    def has_run(self, words: Sequence[Word]) -> bool:
        """Return whether `words` are said one after the other."""
        return any(_line(words) in line for line in self._lines)

    def _compounds(self, first: Word, second: Word) -> set[str]:
        if not (first.key.isalpha() and second.key.isalpha()):
            return set()
        return {first.key + form for form in stems(second.key, self._language)}


def _line(words: Sequence[Word]) -> str:
    return f" {' '.join(word.key for word in words)} "


def _is_kept(fact: Fact, caption: str, said: _Said, words: Sequence[Word]) -> bool:
    if fact.kind == "term":
        return has_exactly(caption, fact.text)
    if fact.kind == "quote":
        return said.has_run(fact.words)
    return said.has(fact.words[0], words)
