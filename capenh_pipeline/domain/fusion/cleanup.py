"""What is safe to mend in an answer: all that is around a caption, and nothing of it."""

import re
from dataclasses import dataclass

from capenh_pipeline.domain.fusion.markup import out_of_json, without_markup
from capenh_pipeline.domain.fusion.preambles import BASIS, HEAD, INTERJECTION
from capenh_pipeline.domain.fusion.residues import (
    END_TOKEN,
    HEADER,
    ORNAMENT,
    RESIDUE,
    ROLE,
    SECTION,
    SPECIAL,
)
from capenh_pipeline.domain.fusion.sentences import (
    holds,
    sentence_starts,
    straight,
    tight,
    unquoted,
)
from capenh_pipeline.domain.fusion.thoughts import CONCLUSION, THOUGHT
from capenh_pipeline.domain.replies import plain_text, without_reasoning

_ROUNDS = 6  # layers around a caption: a preamble, a fence, JSON, quotes, bold type, ...
_QUOTES = (
    ('"', '"'), ("\u201c", "\u201d"), ("'", "'"), ("\u2018", "\u2019"), ("\u00ab", "\u00bb"),
    ("\u201e", "\u201c"), ("\u201e", "\u201d"), ("\u300c", "\u300d"), ("\u300e", "\u300f"),
    ("``", "''"), ("''", "''"), ("`", "`"), ("\u201d", "\u201d"), ("\u00bb", "\u00ab"),
)  # fmt: skip
_DECADE = re.compile(r"['\u2018\u2019]\d\ds\b")  # '90s
_AFTER_QUOTE = ".,;!?"
_ANSWER_TAG = re.compile(
    r"<(answer|final|final_answer|output)>(.+?)</\1>", re.DOTALL | re.IGNORECASE
)
_BULLET = re.compile(r"\A[^\w(]+")
_LONGEST_PREAMBLE = 240
_LONGEST_ORNAMENT = 400
_BRACKETED = re.compile(r"\s*[(\[]([^()\[\]]{3,400})[)\]]\s*$")
_SENTENCE_END = ".!?\u2026\u3002\uff01\uff1f"


@dataclass(frozen=True)
class Cleaned:
    """An answer after the clean-up.

    Attributes:
        text: what is left; it may be empty.
        fixes: what was mended, in order, each once.
    """

    text: str
    fixes: tuple[str, ...]


def clean(answer: str, manual: str | None = None) -> Cleaned:
    """Return what of `answer` is a caption, as far as that can be told safely.

    Args:
        answer: as the model gave it.
        manual: what a person wrote; wording that it has is never taken for a model's.
    """
    steps = (
        ("reasoning", _without_thoughts),
        ("residue", lambda text: _without_chat(text, manual)),
        ("preamble", lambda text: _without_preamble(text, manual)),
        ("json", out_of_json),
        ("markdown", lambda text: without_markup(text, manual)),
        ("residue", lambda text: _without_residue(text, manual)),
        ("quotes", lambda text: _without_quotes(text, manual)),
    )
    text, fixes = plain_text(tight(answer)), dict[str, None]()
    for _ in range(_ROUNDS):
        before = text
        for name, step in steps:
            mended = plain_text(step(text))
            if mended != text:
                text = mended
                fixes[name] = None
        if text == before:
            break
    return Cleaned(text, tuple(fixes))


def _without_thoughts(text: str) -> str:
    text = without_reasoning(text)
    tagged = _ANSWER_TAG.findall(text)
    if len(tagged) == 1:
        return tagged[0][1]
    if THOUGHT.match(straight(text)) and (ends := list(CONCLUSION.finditer(text))):
        return text[ends[-1].end() :]
    return text


def _without_chat(text: str, manual: str | None) -> str:
    """Drop tokens that frame a chat, and the turns that a model wrote for others."""
    if "<" in text or "[" in text:
        text = HEADER.sub("", text, count=1) if HEADER.match(text) else text
        text = _up_to(text, END_TOKEN)
        text = SPECIAL.sub("", text)
    turn = ROLE.search(text, 1)
    if turn and not holds(manual, turn[0]) and text[: turn.start()].strip():
        return text[: turn.start()]
    return text


def _up_to(text: str, pattern: re.Pattern[str]) -> str:
    """Return `text` up to the first match that has something before it."""
    for match in pattern.finditer(text):
        if text[: match.start()].strip():
            return text[: match.start()]
    return text


def _without_preamble(text: str, manual: str | None) -> str:
    for pattern in (INTERJECTION, HEAD, BASIS):
        match = pattern.match(straight(text))
        if not match or match.end() > _LONGEST_PREAMBLE or _is_manual(match[0], manual):
            continue
        rest = text[match.end() :]
        if rest.strip():
            text = rest if pattern is HEAD else rest[:1].upper() + rest[1:]
    return text


def _is_manual(head: str, manual: str | None) -> bool:
    """Tell whether a person began the caption with these words."""
    return manual is not None and straight(manual).lower().startswith(head.strip(" \n*").lower())


def _without_residue(text: str, manual: str | None) -> str:
    """Drop from the end what is said to the user, and ornaments.

    Thoughts stay: what would be left of them is no caption.
    """
    plain = straight(unquoted(text))
    if THOUGHT.match(plain):
        return text
    if (section := SECTION.search(plain)) and not holds(manual, section[0]):
        return text[: section.start()]
    if (ornament := _ornament(text)) and not (manual and _ornament(manual)):
        return text[: ornament.start()] or text
    bracket = _BRACKETED.search(plain)
    if bracket and RESIDUE.match(plain, bracket.start(1)) and not holds(manual, bracket[1]):
        return text[: bracket.start()] or text
    cut = len(text)
    for start in reversed(sentence_starts(plain)[1:]):
        part = plain[start:cut]
        if part.strip(" -*_\n(") and (
            not RESIDUE.match(_BULLET.sub("", part)) or holds(manual, text[start:cut])
        ):
            break
        cut = start
    return text[:cut]


def _ornament(text: str) -> re.Match[str] | None:
    return ORNAMENT.search(text, max(len(text) - _LONGEST_ORNAMENT, 0))


def _without_quotes(text: str, manual: str | None) -> str:
    """Drop quotation marks around all of `text`; those of a quotation at both ends stay."""
    if (manual and text.strip() in manual) or _DECADE.match(text):
        return text
    body = text.rstrip(_AFTER_QUOTE)
    after = text[len(body) :]
    for opening, closing in _QUOTES:
        if len(body) <= len(opening) + len(closing) or not body.startswith(opening):
            continue
        inner = body[len(opening) : -len(closing)]
        if body.endswith(closing) and _is_one(inner, opening, closing):
            return inner if inner[-1:] in _SENTENCE_END else inner + after
        if text.count(opening) == 1 and closing not in body[1:] and text[-1] in _SENTENCE_END:
            return text[len(opening) :]
    return text


def _is_one(inner: str, opening: str, closing: str) -> bool:
    """Tell whether the quotation marks around `inner` belong together."""
    if opening == closing == '"':
        return '"' not in inner or (inner.count('"') % 2 == 0 and not _is_torn(inner))
    if opening == closing == "'":
        return not re.search(r"(?<!\w)'|'(?!\w)", inner)
    return opening not in inner and closing not in inner


def _is_torn(inner: str) -> bool:
    """Tell whether the first mark inside closes a quotation: `"Stop" and "Go"`."""
    place = inner.index('"')
    return place > 0 and not inner[place - 1].isspace() and inner[place - 1] not in "(["
