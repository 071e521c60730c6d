"""How long a caption may be."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from capenh_pipeline.domain.fusion.terms import with_terms
from capenh_pipeline.domain.fusion.words import SPACELESS
from capenh_pipeline.domain.vlm_texts import sentence_ends

_COUNTED = re.compile(rf"[{SPACELESS}]|[^\s{SPACELESS}]+")
_LETTER_OR_DIGIT = re.compile(r"[^\W_]")


@dataclass(frozen=True)
class Budget:
    """The most that a caption may have; None is no limit.

    Attributes:
        max_words: words, see `count_words`.
        max_tokens: tokens, as `count_tokens` counts them.
        count_tokens: how many tokens a text is, special ones included; needed for `max_tokens`.
        always: words that the file of every caption has: they count even where a text lacks them.
    """

    max_words: int | None = None
    max_tokens: int | None = None
    count_tokens: Callable[[str], int] | None = None
    always: tuple[str, ...] = ()

    def excess(self, text: str) -> str | None:
        """Return what is too much, as "31 words, at most 25"; None if nothing is."""
        text = with_terms(text, self.always)
        if self.max_words is not None and (count := count_words(text)) > self.max_words:
            return f"{count} words, at most {self.max_words}"
        if self.max_tokens is None or self.count_tokens is None:
            return None
        count = self.count_tokens(text)
        return f"{count} tokens, at most {self.max_tokens}" if count > self.max_tokens else None


def count_words(text: str) -> int:
    """Return how many words `text` has: what stands between spaces and has a letter or digit.

    Characters of scripts without spaces (Chinese, Japanese, Thai) count as words.
    """
    return sum(1 for word in _COUNTED.findall(text) if _LETTER_OR_DIGIT.search(word))


def shorten(text: str, budget: Budget) -> str:
    """Return as many of the first sentences of `text` as `budget` has room for.

    `text` comes back unchanged if its first sentence alone is too long: it is never cut in the
    middle of one.
    """
    if budget.excess(text) is None:
        return text
    return next((part for part in _beginnings(text) if budget.excess(part) is None), text)


def sentences_of(text: str) -> list[str]:
    """Return the sentences of `text`; what stands after the last of them is one too."""
    text = text.strip()
    ends = [0, *sorted(len(part) for part in _beginnings(text)), len(text)]
    return [sentence for a, b in pairwise(ends) if (sentence := text[a:b].strip())]


def _beginnings(text: str) -> Iterator[str]:
    """Yield `text` without its last sentence, without the last two, and so on."""
    length = len(text.rstrip())
    yield from (text[:end] for end in reversed(sentence_ends(text)) if end < length)
