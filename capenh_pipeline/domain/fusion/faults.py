"""What can be wrong with the wording of an answer, whatever it says about the image.

Each function returns the fault as half a sentence that names it ("it refuses: ..."), or None.
Wording that a person used in the manual caption is no fault, nor is what the caption quotes.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

from capenh_pipeline.domain.fusion.preambles import LEFT
from capenh_pipeline.domain.fusion.refusals import POLICY, REFUSAL
from capenh_pipeline.domain.fusion.residues import RESIDUE, ROLE, SPECIAL
from capenh_pipeline.domain.fusion.sentences import (
    folded,
    holds,
    sentence_starts,
    straight,
    unquoted,
)
from capenh_pipeline.domain.fusion.sources import Sources
from capenh_pipeline.domain.fusion.thoughts import THOUGHT
from capenh_pipeline.domain.fusion.words import SPACELESS
from capenh_pipeline.domain.replies import one_line

_LEAK_WORDS = 8
_OUR_TAG = re.compile(r"[<\u2039&](?:lt;)?\s*/?\s*(?:manual_caption|vlm_caption)\b", re.IGNORECASE)
_OUR_TASK = re.compile(
    r"\b(?:my|your|the|our) (?:system prompt|system message|initial prompt|hidden instructions?)\b"
    r"|\b(?:my|these are (?:my|the)) (?:\w+ )?instructions (?:are|were|say|state)\b"
    r"|\bi (?:was|am|have been|'ve been) (?:told|instructed|asked|given|prompted) (?:to|two|the)\b"
    r"|\bmanual_caption\b|\bvlm_caption\b",
    re.IGNORECASE,
)
_REST_OF_WORD = re.compile(r"[\w']*")
_SPACELESS = re.compile(f"[{SPACELESS}]")
_ASIDE = ' \t\n-*_([#>\u2022"'
_SECOND = re.compile(
    r"(?:^|\n)\W*(?:option|version|caption|alternative|variant)s? ?(?:#? ?[2-9]|b|two)\b\W*[:.)-]",
    re.IGNORECASE,
)


def refusal_in(caption: str, sources: Sources) -> str | None:
    """Return how `caption` refuses, or says that it has nothing to describe."""
    plain = straight(unquoted(caption))
    found = _at_a_start(REFUSAL, plain, caption, sources.manual)
    if not found and (match := POLICY.search(plain)) and not holds(sources.manual, match[0]):
        found = match[0]
    return f"it refuses ({_excerpt(found)})" if found else None


def preamble_in(caption: str, sources: Sources) -> str | None:
    """Return what `caption` says about itself or its sources."""
    match = LEFT.search(straight(unquoted(caption)))
    if match and not holds(sources.manual, match[0]):
        return f"it speaks about the captions ({_excerpt(match[0])})"
    return None


def residue_in(caption: str, sources: Sources) -> str | None:
    """Return what `caption` says to the user, or a token or role label of a chat."""
    plain = straight(unquoted(caption))
    for pattern in (SPECIAL, ROLE, _SECOND):
        match = pattern.search(plain)
        if match and not holds(sources.manual, match[0]):
            return f"it has more than the caption ({_excerpt(match[0])})"
    found = _at_a_start(RESIDUE, plain, caption, sources.manual)
    return f"it speaks to the user ({_excerpt(found)})" if found else None


def reasoning_in(caption: str, sources: Sources) -> str | None:
    """Return a thought about the task in `caption`."""
    found = _at_a_start(THOUGHT, straight(unquoted(caption)), caption, sources.manual)
    return f"it thinks aloud ({_excerpt(found)})" if found else None


def leak_in(caption: str, sources: Sources, system_prompts: Sequence[str]) -> str | None:
    """Return what `caption` has of our own words: of a system prompt, or tags around the data.

    Eight words in a row of a prompt count, unless a source has them too.
    """
    tag = _OUR_TAG.search(caption)
    if tag:
        return f"it repeats the tag {_excerpt(tag[0])}"
    task = _OUR_TASK.search(straight(unquoted(caption)))
    if task and not holds(sources.manual, task[0]):
        return f"it repeats its instructions ({_excerpt(task[0])})"
    for run in _runs(caption):
        known = any(run in _run_set(prompt) for prompt in system_prompts)
        if known and not any(holds(text, run) for text in (sources.manual, *sources.seen)):
            return f"it repeats its instructions ({_excerpt(run)})"
    return None


def _at_a_start(
    pattern: re.Pattern[str], plain: str, caption: str, manual: str | None
) -> str | None:
    """Return the sentence at whose start `pattern` matches, unless a person wrote it."""
    starts = sentence_starts(plain)
    for start, end in zip(starts, (*starts[1:], len(plain)), strict=True):
        sentence = plain[start:end].lstrip(_ASIDE)
        match = pattern.match(sentence)
        if match and not holds(manual, sentence[: _word_end(sentence, match.end())]):
            return caption[end - len(sentence) : end]
    return None


def _word_end(text: str, place: int) -> int:
    """Return where the word ends within which a pattern may have stopped ("sorry i" of "I'm")."""
    match = _REST_OF_WORD.match(text, place)
    is_spaceless = _SPACELESS.match(text, max(place - 1, 0))
    return match.end() if match and not is_spaceless else place


def _runs(text: str) -> list[str]:
    words = folded(text).split()
    return [
        " ".join(words[place : place + _LEAK_WORDS])
        for place in range(len(words) - _LEAK_WORDS + 1)
    ]


@lru_cache(maxsize=64)
def _run_set(prompt: str) -> frozenset[str]:
    return frozenset(_runs(prompt))


def _excerpt(text: str) -> str:
    return f'"{one_line(text.strip(), max_chars=60)}"'
