"""A combined caption without an LLM: what a person wrote, and what the VLM adds to it."""

import re

from capenh_pipeline.domain.fusion.budget import Budget, sentences_of
from capenh_pipeline.domain.fusion.scores import support
from capenh_pipeline.domain.fusion.sources import Sources
from capenh_pipeline.domain.fusion.terms import terms_in, with_terms
from capenh_pipeline.domain.fusion.words import SPACELESS

_CLOSED = re.compile(
    r"[.!?\u2026,;:\u3002\uff01\uff1f\uff0c\u3001\u0964\u061f\u06d4]"
    r"[\"'\u201d\u2019\u00bb)\]\u300d\u300f]*$"
)
_ENDS_SPACELESS = re.compile(rf"[{SPACELESS}]$|[\u3002\uff01\uff1f\uff0c\u3001][\u300d\u300f]?$")


def joined(sources: Sources, budget: Budget | None = None, *, language: str | None = None) -> str:
    """Return the manual caption and those sentences of the VLM captions that say something new.

    What a person wrote stays word for word, however long it is; only a locked term in another
    letter case is respelt. The first sentence that is too long for `budget` and all after it are
    left out. Without a manual caption the first sentence of the VLM stays, however long it is.
    """
    manual = (sources.manual or "").strip()
    text = with_terms(manual, terms_in(manual, sources.terms))
    for sentence in (sentence for seen in sources.seen for sentence in sentences_of(seen)):
        if text and support(sentence, [text], language=language).value in (None, 1.0):
            continue
        longer = _appended(text, sentence)
        if text and budget and budget.excess(longer):
            break
        text = longer
    return text


def _appended(text: str, sentence: str) -> str:
    """Return `text` and another sentence, with a full stop between them if there is none."""
    if not text:
        return sentence
    if _ENDS_SPACELESS.search(text):
        return text + ("" if _CLOSED.search(text) else "\u3002") + sentence
    return f"{text}{'' if _CLOSED.search(text) else '.'} {sentence}"
