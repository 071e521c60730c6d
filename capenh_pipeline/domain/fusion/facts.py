"""What a person said in a manual caption, fact by fact."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from capenh_pipeline.domain.fusion.function_words import EVALUATIVE
from capenh_pipeline.domain.fusion.quotations import quotations
from capenh_pipeline.domain.fusion.terms import places_of
from capenh_pipeline.domain.fusion.words import Word, is_neutral, language_of, stems, tokens

Kind = Literal["term", "quote", "number", "name", "word"]

_SHARE_OF_NAMES, _FEWEST_WORDS = 0.5, 3
"""Where more words begin with a capital it is a title, and its capitals say nothing."""

_ADVERB = re.compile(
    r"(?!family)\w{2,}(?:al|[^aeiou]i)ly|\w+(?:[ts]ive|ous|ful|less|ing|ed|[ae]nt|ight|oft|ow|ick|iet"
    r"|ear|eep|ose|ct|ain|ild|id|ong|en|ark|ense|ire|ute|ate|ete|are)ly"
)


class Fact(NamedTuple):
    """Something that the combined caption must say too.

    Attributes:
        kind: `term` (a locked term), `quote`, `number`, `name` or `word`.
        text: as it stands in the manual caption, without quotation marks; "no hat" where it says
            that there is none.
        words: the words of a quotation, or the one word it is; none for a term.
    """

    kind: Kind
    text: str
    words: tuple[Word, ...] = ()


def facts_of(
    manual: str, terms: Sequence[str] = (), *, language: str | None = None
) -> tuple[Fact, ...]:
    """Return the facts of a manual caption in order, each once.

    Terms and quotations are facts as a whole. So is any other word that is no function word, no
    glue ("photo of"), no praise and no adverb: names, numbers, nouns, what qualifies them and
    what is done. Words with capitals are names, unless a sentence begins with them, all words
    have them, or the language (German) writes its nouns so.

    Args:
        manual: the manual caption.
        terms: the locked terms.
        language: an ISO 639 code; None reads as English.
    """
    manual = unicodedata.normalize("NFC", manual)
    spans = [*_terms(manual, terms)]
    spans += [span for span in _quotes(manual, language) if not _overlaps(span, spans)]
    words = [word for word in tokens(manual, language) if not _is_within(word, spans)]
    has_names = language_of(language) != "de" and not _is_title(words, language)
    spans += [
        (word.start, word.start + 1, fact)
        for word in words
        if (fact := _fact(word, language, has_names=has_names))
    ]
    return _distinct([fact for _, _, fact in sorted(spans, key=lambda span: span[0])], language)


_Span = tuple[int, int, Fact]


def _terms(manual: str, terms: Sequence[str]) -> Iterator[_Span]:
    for place in places_of(manual, terms):
        yield place.start, place.end, Fact("term", place.term)


def _quotes(manual: str, language: str | None) -> Iterator[_Span]:
    """Yield quotations, unless all of the caption is one: then the quotes say nothing."""
    for start, end in quotations(manual):
        words = tokens(manual[start:end], language)
        if words and not (start <= 1 and end >= len(manual.rstrip(" .")) - 1):
            yield start, end, Fact("quote", manual[start + 1 : end - 1].strip(), words)


def _overlaps(span: _Span, others: Sequence[_Span]) -> bool:
    return any(span[0] < end and start < span[1] for start, end, _ in others)


def _is_within(word: Word, spans: Sequence[_Span]) -> bool:
    return any(start <= word.start < end for start, end, _ in spans)


def _is_title(words: Sequence[Word], language: str | None) -> bool:
    rest = [w for w in words if not (w.begins_sentence or is_neutral(w.key, language))]
    rest = [word for word in rest if word.key[0].isalpha()]
    return (
        len(rest) >= _FEWEST_WORDS and sum(w.is_capital for w in rest) > len(rest) * _SHARE_OF_NAMES
    )


def _fact(word: Word, language: str | None, *, has_names: bool) -> Fact | None:
    if is_neutral(word.key, language):
        return None
    text = f"no {word.text}" if word.is_negated else word.text
    if word.key[0].isdigit():
        return Fact("number", text, (word,))
    if has_names and word.is_capital:
        return Fact("name", text, (word,))
    if word.key in EVALUATIVE or (language_of(language) == "en" and _ADVERB.fullmatch(word.key)):
        return None
    return Fact("word", text, (word,))


def _distinct(facts: Sequence[Fact], language: str | None) -> tuple[Fact, ...]:
    """Return facts without those that say the same again, as "dogs" does after "dog"."""
    kept: list[Fact] = []
    for fact in facts:
        if not any(_is_same(fact, other, language) for other in kept):
            kept.append(fact)
    return tuple(kept)


def _is_same(one: Fact, other: Fact, language: str | None) -> bool:
    if {one.kind, other.kind} & {"term", "quote"}:
        return (one.kind, one.text) == (other.kind, other.text)
    a, b = one.words[0], other.words[0]
    return a.is_negated == b.is_negated and not stems(a.key, language).isdisjoint(
        stems(b.key, language)
    )
