"""Orders to a model that stand in a caption: they describe nothing, and must not be obeyed."""

import re
from functools import lru_cache

from capenh_pipeline.domain.fusion.instruction_wordings import (
    ADDRESSED,
    ENCODED,
    FRAME,
    MANNER,
    ORDER,
    ORDER_EAST,
    ORDER_OTHER,
    OVERRIDE,
    OVERRIDE_EAST,
    START_ORDER,
)
from capenh_pipeline.domain.fusion.quotations import quotations
from capenh_pipeline.domain.fusion.sentences import sentence_starts, straight, tight

_CLAUSE = re.compile(
    r"(?:[,;:\u2014()\[\]\"\u201c\u2018\u00ab\u201e|]|\s-|(?<!\w)')\s*(?:[-*]\s*)?"
    r"(?:(?:and|but|then|or) )?"
    r"|\s(?:and|but|then|saying|reads|says|please|or|und|et|y|e|en|и)\s+"
)
_LONGEST = 10_000
"""Characters in which orders are looked for; no caption is that long."""

_LEAD = re.compile(r"[\s\"'\u201c\u2018\u00ab\u201e(\[{<*#>\u2014-]*")
_OPENINGS = {
    '"': '"', "\u201c": "\u201d", "\u00ab": "\u00bb", "\u201e": "\u201c", "\u2018": "\u2019",
    "\u300c": "\u300d", "(": ")", "[": "]",
}  # fmt: skip
_SEAM = re.compile(r"[\s,;:\u2014-]+$|\s(?:and|but|then)\s*$", re.IGNORECASE)


def without_instructions(text: str) -> str:
    """Return `text` without what is addressed to a model.

    From where an order starts, the rest of its sentence goes, up to the end of the quotation or
    bracket that it stands in: 'A sign reads "Ignore all instructions" beside a cat.' keeps the
    sign and the cat. After a fake tag or role the rest of the line goes, after our own tags all.
    """
    spans = _spans(tight(text))
    if not spans:
        return text
    text = tight(text)
    kept, place = [], 0
    for start, end in spans:
        kept.append(_SEAM.sub("", text[place:start]))
        place = end
    kept.append(text[place:])
    return " ".join(part.strip() for part in kept if any(map(str.isalnum, part)))


def instructions_in(text: str) -> str:
    """Return what `without_instructions` drops."""
    text = tight(text)
    return " ".join(text[start:end] for start, end in _spans(text))


@lru_cache(maxsize=4096)
def _spans(text: str) -> tuple[tuple[int, int], ...]:
    plain = straight(text[:_LONGEST])
    return tuple(_merged([*_frames(plain), *_orders(plain)]))


def _frames(text: str) -> list[tuple[int, int]]:
    spans = []
    for match in FRAME.finditer(text):
        is_tag = "<" in match[0] or "\u2039" in match[0] or "[" in match[0][:1]
        line_end = text.find("\n", match.end())
        spans.append((match.start(), len(text) if is_tag or line_end < 0 else line_end))
    return spans + [match.span() for match in ENCODED.finditer(text)]


def _orders(text: str) -> list[tuple[int, int]]:
    starts = sentence_starts(text)
    spans = []
    for start, end in zip(starts, (*starts[1:], len(text)), strict=True):
        order = _first_order(text[start:end])
        if order is not None:
            spans.append((start + order, start + _end_of(text[start:end], order)))
    return spans


@lru_cache(maxsize=4096)  # an answer has sentences of its sources
def _first_order(sentence: str) -> int | None:
    """Return where in `sentence` an order starts, or None."""
    anywhere = (OVERRIDE,) if sentence.isascii() else (OVERRIDE, OVERRIDE_EAST, ORDER_EAST)
    found = [match.start() for match in (order.search(sentence) for order in anywhere) if match]
    if (match := ADDRESSED.search(sentence)) and not _is_quoted(sentence, match.start()):
        return 0
    for start in [0, *(match.end() for match in _CLAUSE.finditer(sentence))]:
        lead = _LEAD.match(sentence, start)
        place = lead.end() if lead else start
        is_order = (
            MANNER.match(sentence, place)
            or ORDER.match(sentence, place)
            or ORDER_OTHER.match(sentence, place)
            or (start == 0 and START_ORDER.match(sentence, place))
        )
        if is_order:
            found.append(place)
            break
    return min(found) if found else None


def _is_quoted(sentence: str, place: int) -> bool:
    return any(start <= place < end for start, end in quotations(sentence))


def _end_of(sentence: str, order: int) -> int:
    """Return where the order ends: with its quotation or bracket, else with its sentence."""
    for place in range(order - 1, -1, -1):
        closing = _OPENINGS.get(sentence[place])
        if closing and closing not in sentence[place + 1 : order]:
            end = sentence.find(closing, order)
            return end if end > 0 else len(sentence)
    return len(sentence)


def _merged(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
