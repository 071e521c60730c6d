"""What a person said in a manual caption, fact by fact."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from capenh_pipeline.domain.fusion.function_words import COLOURS_AND_SIDES, EVALUATIVE
from capenh_pipeline.domain.fusion.quotations import quotations
from capenh_pipeline.domain.fusion.terms import places_of
from capenh_pipeline.domain.fusion.words import (
    Word,
    is_known,
    is_neutral,
    is_number_word,
    language_of,
    stems,
    tokens,
)

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

    @property
    def is_grave(self) -> bool:
        """Whether a caption is wrong without it, however much else it keeps."""
        if self.kind == "number":
            return self.words[0].key != "1"
        return self.kind != "word" or self.words[0].key in COLOURS_AND_SIDES


def facts_of(
    manual: str, terms: Sequence[str] = (), *, language: str | None = None
) -> tuple[Fact, ...]:
    """Return the facts of a manual caption in order, each once.

    Terms and quotations are facts as a whole. So is any other word that is no function word, no
    glue ("photo of"), no praise and no adverb: names, numbers, nouns, what qualifies them and
    what is done. Words with capitals are names, unless a sentence begins with them, all words
    have them and the dictionary has this one, or the language (German) writes its nouns so.

    Args:
        manual: the manual caption.
        terms: the locked terms.
        language: an ISO 639 code; None reads as English.
    """
    manual = unicodedata.normalize("NFC", manual)
    taken = bytearray(len(manual))
    whole = [*_terms(manual, terms, taken), *_quotes(manual, language, taken)]
    words = [word for word in tokens(manual, language) if not taken[word.start]]
    has_names = language_of(language) != "de" and not _is_title(words, language)
    single = [(word.start, _fact(word, language, has_names=has_names)) for word in words]
    ordered = sorted([*whole, *single], key=lambda pair: pair[0])
    return tuple(_distinct([fact for _, fact in ordered if fact], language))


def _terms(manual: str, terms: Sequence[str], taken: bytearray) -> Iterator[tuple[int, Fact]]:
    """Yield where locked terms stand, and mark their characters as taken."""
    for place in places_of(manual, terms):
        taken[place.start : place.end] = b"\1" * (place.end - place.start)
        yield place.start, Fact("term", place.term)


def _quotes(manual: str, language: str | None, taken: bytearray) -> Iterator[tuple[int, Fact]]:
    """Yield quotations, unless all of the caption is one: then the quotes say nothing."""
    for start, end in quotations(manual):
        words = tokens(manual[start:end], language)
        is_all = start <= 1 and end >= len(manual.rstrip(" .")) - 1
        if words and not is_all and not any(taken[start:end]):
            taken[start:end] = b"\1" * (end - start)
            yield start, Fact("quote", manual[start + 1 : end - 1].strip(), words)


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
    if word.key[0].isdigit() or is_number_word(word.key, language):
        return Fact("number", text, (word,))
    code = language_of(language)
    if word.is_capital and (has_names or (code != "de" and not _is_known(word.key, code))):
        return Fact("name", text, (word,))
    if word.key in EVALUATIVE.get(code, ()) or (code == "en" and _ADVERB.fullmatch(word.key)):
        return None
    return Fact("word", text, (word,))


def _is_known(key: str, code: str) -> bool:
    try:
        return is_known(key, code)
    except ValueError:  # there is no dictionary, so that nothing tells names from words
        return True


def _distinct(facts: Sequence[Fact], language: str | None) -> Iterator[Fact]:
    """Yield facts but those that say the same again, as "dogs" does after "dog"."""
    said: set[tuple[str, str]] = set()
    for fact in facts:
        if fact.kind in ("term", "quote"):
            forms = {(fact.kind, fact.text)}
        else:
            (word,) = fact.words
            negation = "no" if word.is_negated else ""
            forms = {(negation, form) for form in stems(word.key, language)}
        if said.isdisjoint(forms):
            yield fact
        said |= forms
