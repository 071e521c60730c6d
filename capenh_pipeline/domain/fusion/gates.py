"""The faults that an answer can have, by name."""

import re

from capenh_pipeline.errors import ConfigurationError

TERM_LOST = "term_lost"
"""The fault of an answer that is good once the term was put in, which code has done."""

GATES = (
    "empty",
    "refusal",
    "preamble",
    "residue",
    "reasoning",
    "markdown",
    "repetition",
    "cut_off",
    "wrong_language",
    "prompt_leak",
    "too_long",
    "retention",
    "support",
    TERM_LOST,
)
"""Kinds of what can be wrong with the text of an answer."""

ANSWER_FAULTS = frozenset((*GATES, "length", "content_filter"))
"""Kinds of failures of an answer, not of the server: those for which there can be a fallback."""

_ALL = "all"
_LANGUAGE = re.compile("[a-z]{2,3}")


def skipped_gates(option: str | None) -> frozenset[str]:
    """Return the gates that the option `skip_gates` names.

    Raises:
        ConfigurationError: there is no such gate.
    """
    names = {name.strip() for name in (option or "").split(",")} - {""}
    if names == {_ALL}:
        return frozenset(GATES)
    if unknown := sorted(names - {*GATES}):
        raise ConfigurationError(
            f"--skip_gates names {unknown[0]!r}; it can name {', '.join(GATES)}, or all."
        )
    return frozenset(names)


def check_language(code: str | None) -> None:
    """Make sure that the option `caption_language` can be a language.

    Raises:
        ConfigurationError: it cannot.
    """
    if code is not None and not _LANGUAGE.fullmatch(code):
        raise ConfigurationError(
            f"--caption_language is {code!r}; it must be a code of ISO 639, as en, de or zh."
        )
