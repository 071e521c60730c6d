"""What a combined caption is made of."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Sources:
    """The texts that an LLM combines.

    Attributes:
        manual: what a person wrote, or None.
        seen: what the VLM wrote, one text for each prompt.
        terms: words that must be kept exactly as they are written here, where `manual` has them.
    """

    manual: str | None
    seen: tuple[str, ...]
    terms: tuple[str, ...] = ()
