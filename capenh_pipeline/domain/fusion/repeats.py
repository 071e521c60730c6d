"""A caption that says the same twice."""

import re
from collections import Counter

from capenh_pipeline.domain.fusion.sentences import folded, sentences, unquoted
from capenh_pipeline.domain.vlm_texts import find_loop

_RUN = 8
"""Words of a run that does not stand in a caption twice by chance."""

_NEXT = {1: 4, 2: 3, 3: 2, 4: 2, 5: 2, 6: 2}
"""How often a phrase of so many words must follow itself to count."""

_CLAUSE = re.compile(r"[,;:.!?\u2014\u3001\u3002\uff0c\uff1b\n]+|\s[-\u2013]\s")
_SPACELESS = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\u0e00-\u0e7f]")
_CLAUSE_WORDS, _SENTENCE_WORDS, _CHARACTERS = 4, 3, 6
_STUTTER = re.compile(r"([^\W\d])\1{9,}")
_TAGS = 3
"""Times that a tag may stand in a list, less one."""


def repetition_in(caption: str, manual: str | None) -> str | None:
    """Return what `caption` says more than once, or None.

    Signs repeat themselves, and people may: what is quoted does not count, nor what the manual
    caption repeats too.
    """
    plain = unquoted(caption)
    if loop := find_loop(plain):
        return None if manual and find_loop(manual) == loop else loop
    found = _repeated(plain)
    if found and manual:
        found -= _repeated(unquoted(manual))
    return max(found, key=lambda phrase: (len(phrase), phrase), default=None)


def _repeated(text: str) -> set[str]:
    """Return the phrases that stand in `text` more often than by chance."""
    found = _twice(sentences(text), words=_SENTENCE_WORDS)
    clauses = [clause for clause in _CLAUSE.split(text) if clause.strip()]
    found |= _twice(clauses, words=_CLAUSE_WORDS)
    found |= {match[0] for match in _STUTTER.finditer(text)}
    tags = Counter(map(folded, clauses))
    found |= {tag for tag, count in tags.items() if tag and count >= _TAGS}
    words = folded(text).split()
    return found | _runs(words) | _in_a_row(words)


def _twice(parts: list[str], *, words: int) -> set[str]:
    seen, found = set(), set()
    for part in map(folded, parts):
        length, fewest = (len(part), _CHARACTERS) if _SPACELESS.search(part) else (
            part.count(" ") + 1, words)  # fmt: skip
        if length >= fewest and part in seen:
            found.add(part)
        seen.add(part)
    return found


def _runs(words: list[str]) -> set[str]:
    runs = Counter(zip(*(words[place:] for place in range(_RUN)), strict=False))
    return {" ".join(run) for run, count in runs.items() if count > 1}


def _in_a_row(words: list[str]) -> set[str]:
    found = set()
    for size, times in _NEXT.items():
        run = 0
        for place in range(size, len(words)):
            run = run + 1 if words[place] == words[place - size] else 0
            if run >= size * (times - 1):
                found.add(" ".join(words[place - size + 1 : place + 1]))
    return found
