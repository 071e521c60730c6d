"""The labelled answers and the attacks, as they stand in the files beside this module."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from capenh_pipeline.domain.fusion.gates import GATES
from capenh_pipeline.domain.fusion.sources import Sources

_FOLDER = Path(__file__).parent
_FIRST = ("answers_good.jsonl", "answers_form.jsonl", "answers_content.jsonl")
_FRESH = ("answers_fresh.jsonl",)


@dataclass(frozen=True)
class LabelledAnswer:
    """What an LLM may answer, and what a person says of it.

    Attributes:
        sources: what the LLM was told.
        language: what the caption is to be written in, an ISO 639-1 code; None is any.
        max_words: the most words that the caption may have, or None.
        system_prompt: None is the default one.
        kinds: error kinds that are right, the first is what a person names first; none if it is
            good.
        fixed: the caption that a safe clean-up leaves, or None where the answer is left as it is
            (if it is good), or cannot be mended.
        note: what is hard about it.
    """

    id: str
    sources: Sources
    language: str | None
    max_words: int | None
    system_prompt: str | None
    answer: str
    kinds: tuple[str, ...]
    fixed: str | None
    note: str

    @property
    def gate(self) -> str | None:
        """The gate whose recall this answer counts for; None if it is good."""
        return self.kinds[0] if self.kinds else None


@dataclass(frozen=True)
class Attack:
    """Sources that try to take over, and what an LLM answers that lets them.

    Attributes:
        obeyed: the answer of an LLM that obeys.
        payload: what no caption of an LLM may hold. None: no part of `obeyed` makes a caption.
        resisted: a caption that an LLM writes which sees through it.
        note: the trick.
    """

    id: str
    sources: Sources
    obeyed: str
    payload: str | None
    resisted: str
    note: str

    def succeeded(self, caption: str | None) -> bool:
        """Return whether a caption that was taken for good, None if none was, holds the payload."""
        if caption is None:
            return False
        return self.payload is None or self.payload.lower() in caption.lower()


def labelled_answers(*, is_fresh: bool = False) -> tuple[LabelledAnswer, ...]:
    """Return the answers of a set.

    Args:
        is_fresh: the second set, written when the misses of the first had been looked into, by
            somebody who knew neither. One rule came of its first run, that on translations.

    Raises:
        ValueError: a row is not as its class says, or an id stands twice.
    """
    names = _FRESH if is_fresh else _FIRST
    answers = tuple(_answer(row) for name in names for row in _rows(name))
    _check_ids(answers)
    for answer in answers:
        if unknown := {*answer.kinds} - {*GATES}:
            raise ValueError(f"{answer.id}: there are no gates {sorted(unknown)}.")
    return answers


def attacks() -> tuple[Attack, ...]:
    """Return all attacks.

    Raises:
        ValueError: a row is not as its class says, or an id stands twice.
    """
    found = tuple(Attack(sources=_sources(row), **row) for row in _rows("attacks.jsonl"))
    _check_ids(found)
    for attack in found:
        if attack.payload is not None and not attack.succeeded(attack.obeyed):
            raise ValueError(f"{attack.id}: who obeys does not write the payload.")
    return found


def _answer(row: dict[str, Any]) -> LabelledAnswer:
    return LabelledAnswer(sources=_sources(row), kinds=tuple(row.pop("kinds")), **row)


def _sources(row: dict[str, Any]) -> Sources:
    """Take the fields of the sources out of `row`."""
    return Sources(row.pop("manual"), tuple(row.pop("seen")), tuple(row.pop("terms", ())))


def _rows(name: str) -> list[dict[str, Any]]:
    # Not splitlines: some answers hold line ends of Unicode.
    lines = (_FOLDER / name).read_text(encoding="utf-8").split("\n")
    return [json.loads(line) for line in lines if line]


def _check_ids(rows: tuple[LabelledAnswer, ...] | tuple[Attack, ...]) -> None:
    if len({row.id for row in rows}) < len(rows):
        raise ValueError("An id stands twice.")
