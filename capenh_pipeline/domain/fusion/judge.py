"""Is an answer of an LLM a caption that can be trusted?"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from capenh_pipeline.domain.fusion.budget import Budget, shorten
from capenh_pipeline.domain.fusion.cleanup import clean
from capenh_pipeline.domain.fusion.endings import cut_off
from capenh_pipeline.domain.fusion.faults import (
    leak_in,
    preamble_in,
    reasoning_in,
    refusal_in,
    residue_in,
)
from capenh_pipeline.domain.fusion.gates import TERM_LOST
from capenh_pipeline.domain.fusion.instructions import instructions_in, without_instructions
from capenh_pipeline.domain.fusion.languages import likely_language, wrong_language
from capenh_pipeline.domain.fusion.markup import markup_in
from capenh_pipeline.domain.fusion.repeats import repetition_in
from capenh_pipeline.domain.fusion.scores import Score, retention, support
from capenh_pipeline.domain.fusion.sentences import holds
from capenh_pipeline.domain.fusion.sources import Sources
from capenh_pipeline.domain.fusion.terms import lost_terms, terms_in, with_terms
from capenh_pipeline.domain.fusion.verdict import Verdict
from capenh_pipeline.domain.replies import one_line
from capenh_pipeline.errors import RowError

_NAMED = 5
"""Words that a fault names; an LLM that is told more loses sight of them."""


@dataclass(frozen=True)
class Rules:
    """What an answer is held to.

    Attributes:
        min_retention: share of the manual caption's facts that it must keep, 0 to 1.
        min_support: share of its words that a source must support, 0 to 1.
        skipped: kinds of faults that are not looked for.
        language: ISO 639 code of the language that it must be in; None for any.
        budget: how long it may be; None for any length.
        system_prompts: texts that it must not repeat.
    """

    min_retention: float
    min_support: float
    skipped: frozenset[str] = frozenset()
    language: str | None = None
    budget: Budget | None = None
    system_prompts: tuple[str, ...] = ()


class _Case(NamedTuple):
    """An answer on its way through the gates.

    Attributes:
        text: it, cleaned.
        caption: it, with its terms put in and shortened.
        fixes: what was mended to get from `text` to `caption`.
        lost: terms that `text` lacked.
        told: the sources without orders to a model.
        foreign: texts of those in another language than the caption has to be in.
    """

    text: str
    caption: str
    fixes: tuple[str, ...]
    lost: tuple[str, ...]
    sources: Sources
    told: Sources
    foreign: frozenset[str]
    rules: Rules


def judge(answer: str, sources: Sources, rules: Rules) -> Verdict:
    """Mend what is safe to mend in an LLM's answer, and say what is wrong with the rest.

    Sentences of the sources that give orders to a model are neither facts nor evidence: who
    obeys them is found out by what the caption then lacks or adds.

    Args:
        answer: what the LLM wrote.
        sources: what it was to combine.
        rules: what it is held to.
    """
    cleaned = clean(answer, sources.manual)
    case = _case(cleaned.text, sources, rules)
    kept, supported = _kept(case), _supported(case)
    fault = next(_faults(case, kept, supported), None)
    fixes = (*cleaned.fixes, *case.fixes)
    return Verdict(case.caption, kept.value, supported.value, fixes, fault)


def _case(text: str, sources: Sources, rules: Rules) -> _Case:
    terms = terms_in(sources.manual or "", sources.terms)
    caption, fixes = _mended(text, terms, rules.budget) if text else (text, ())
    manual = None if sources.manual is None else without_instructions(sources.manual)
    told = Sources(manual or None, tuple(map(without_instructions, sources.seen)), terms)
    foreign = _foreign(_texts(told), text, rules.language)
    return _Case(text, caption, fixes, lost_terms(text, terms), sources, told, foreign, rules)


def _mended(
    text: str, terms: tuple[str, ...], budget: Budget | None
) -> tuple[str, tuple[str, ...]]:
    """Return `text` with its terms and within its budget, and what was done for that."""
    whole = caption = with_terms(text, terms)
    if budget:
        caption = with_terms(shorten(with_terms(shorten(text, budget), terms), budget), terms)
    done = {"terms": whole != text, "shortened": caption != whole}
    return caption, tuple(fix for fix, is_done in done.items() if is_done)


def _faults(case: _Case, kept: Score, supported: Score) -> Iterator[RowError]:
    """Yield what is wrong with a case, unless its kind is not looked for.

    What is no caption at all comes first. A lost term comes last: an answer with no other fault
    has it put in, and is good.
    """
    for kind, look in _gates(case, kept, supported):
        if kind not in case.rules.skipped and (found := look()):
            yield RowError(kind, one_line(found, max_chars=200))


def _gates(
    case: _Case, kept: Score, supported: Score
) -> tuple[tuple[str, Callable[[], str | None]], ...]:
    text, sources, rules = case.text, case.sources, case.rules
    return (
        ("empty", lambda: None if any(map(str.isalnum, text)) else "it holds no caption"),
        ("refusal", lambda: refusal_in(text, sources)),
        ("reasoning", lambda: reasoning_in(text, sources)),
        ("residue", lambda: residue_in(text, sources)),
        ("prompt_leak", lambda: leak_in(text, sources, rules.system_prompts)),
        ("preamble", lambda: preamble_in(text, sources)),
        ("markdown", lambda: markup_in(text, sources.manual)),
        ("repetition", lambda: _repetition(case)),
        ("cut_off", lambda: _cut_off(case)),
        ("wrong_language", lambda: _language(case)),
        ("too_long", lambda: _too_long(case)),
        ("retention", lambda: _lack(case, kept)),
        ("support", lambda: _excess(case, supported)),
        (TERM_LOST, lambda: f"it leaves out {_named(case.lost)}" if case.lost else None),
    )


def _repetition(case: _Case) -> str | None:
    found = repetition_in(case.text, case.sources.manual)
    return f"it says {_named((found,))} more than once" if found else None


def _cut_off(case: _Case) -> str | None:
    """A caption that was shortened ends where a sentence does."""
    end = cut_off(case.caption if "shortened" in case.fixes else case.text, case.sources)
    return f'it is cut off ("{end}")' if end else None


def _language(case: _Case) -> str | None:
    language = case.rules.language
    return wrong_language(case.text, case.sources, language) if language else None


def _too_long(case: _Case) -> str | None:
    excess = case.rules.budget.excess(case.caption) if case.rules.budget else None
    return f"it is too long: {excess}" if excess else None


def _kept(case: _Case) -> Score:
    manual = case.told.manual or ""
    if not case.text:
        return Score(None)
    return retention(
        manual,
        case.caption,
        terms=case.told.terms,
        language=case.rules.language,
        is_translated=manual in case.foreign,
    )


def _supported(case: _Case) -> Score:
    """Score what the answer states; an order that it only repeats is no statement."""
    texts = _texts(case.told)
    if not case.text or not texts:
        return Score(None)
    return support(
        without_instructions(case.caption),
        texts,
        language=case.rules.language,
        is_translated=bool(case.foreign),
    )


def _foreign(texts: tuple[str, ...], answer: str, language: str | None) -> frozenset[str]:
    """Return those of `texts` in another language than the answer has to be in.

    Nobody asked for an answer in a language that no source is in: that one is compared as it is.
    """
    nothing, asked = Sources(None, ()), language or likely_language(answer)
    foreign = frozenset(text for text in texts if wrong_language(text, nothing, asked))
    return frozenset() if language is None and foreign == frozenset(texts) else foreign


def _texts(sources: Sources) -> tuple[str, ...]:
    return (*([sources.manual] if sources.manual else []), *sources.seen)


def _lack(case: _Case, kept: Score) -> str | None:
    """Say what the answer leaves out: too much, or what a source ordered to leave out."""
    if kept.value is None:
        return None
    orders = instructions_in(case.sources.manual or "")
    obeyed = [word for word in kept.missing if holds(orders, word)]
    lost = kept.grave or obeyed if case.rules.min_retention else ()
    if kept.value < case.rules.min_retention or lost:
        return f"it leaves out {_named(kept.missing)}"
    return None


def _excess(case: _Case, supported: Score) -> str | None:
    """Say what the answer adds: too much, or what only an order in a source has."""
    if supported.value is None:
        texts = _texts(case.sources)
        can_tell = not _foreign(texts, case.text, case.rules.language)
        says_something = support(" ".join(texts), texts).value is not None
        return "it says nothing that a source says" if can_tell and says_something else None
    orders = [instructions_in(text) for text in _texts(case.sources)]
    obeyed = [word for word in supported.missing if any(holds(text, word) for text in orders)]
    added = supported.grave or obeyed if case.rules.min_support else ()
    if supported.value < case.rules.min_support or added:
        return f"it adds {_named(supported.missing)}, which no source has"
    return None


def _named(words: tuple[str, ...]) -> str:
    """Return `words` as a list for people: "hat", "Paris" and 3 more."""
    named = [f'"{one_line(word, max_chars=30)}"' for word in words[:_NAMED]]
    more = len(words) - len(named)
    if more:
        return f"{', '.join(named)} and {more} more"
    return " and ".join([", ".join(named[:-1]), named[-1]]) if len(named) > 1 else "".join(named)
