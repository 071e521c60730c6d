"""Captions out of generated tokens."""

import re
from collections.abc import Sequence
from typing import Any

from capenh_pipeline.domain.replies import caption_of
from capenh_pipeline.errors import RowError
from capenh_pipeline.models.base import VlmReply

_CUT_CHARACTER = "\ufffd"  # what is left of a character whose bytes were cut off in the middle
_MARKER = re.compile(r"<[^<>\s]+>|\[[A-Z_]+\]")
_CHAT_MARKER = r"<\|[^<>|\s]{1,40}\|>"  # as another model's, spelt out in letters
_REASONING = re.compile(r"think|thought|reason", re.IGNORECASE)


class ReplyReader:
    """Reads what a model generated.

    Attributes:
        end_ids: tokens that end a caption. A row without one was cut off.
    """

    def __init__(self, tokenizer: Any, *, end_ids: frozenset[int]) -> None:
        self.end_ids = end_ids
        self._tokenizer = tokenizer
        self._markers = marker_texts(tokenizer)

    def read(self, row: Sequence[int]) -> VlmReply:
        """Return the reply in a row of new tokens, which may be padded after its end token."""
        end = next((place for place, token in enumerate(row) if token in self.end_ids), None)
        text = self._tokenizer.decode(list(row[:end]), skip_special_tokens=True)
        return VlmReply(
            caption=clean_caption(text, self._markers),
            finish_reason="length" if end is None else "stop",
            new_tokens=len(row) if end is None else end + 1,
        )


def marker_texts(tokenizer: Any) -> re.Pattern[str]:
    """Return a pattern of the texts of tokens that are never words of a caption.

    They are the special tokens, and others that were added to the vocabulary and look like it
    (PaliGemma's `<loc0001>`), but for tags around reasoning: what they enclose goes with them.
    """
    added = tokenizer.added_tokens_decoder.values()
    texts = {token.content for token in added if token.special or _MARKER.fullmatch(token.content)}
    texts = {text for text in texts | set(tokenizer.all_special_tokens) if text.strip()}
    kept = sorted((text for text in texts if not _REASONING.search(text)), key=len, reverse=True)
    return re.compile("|".join([*(re.escape(text) for text in kept), _CHAT_MARKER]))


def clean_caption(text: str, markers: re.Pattern[str]) -> str:
    """Return `text` without markers, reasoning, control characters and outer white space."""
    try:
        return caption_of(markers.sub("", text).replace(_CUT_CHARACTER, ""))
    except RowError:  # nothing is left
        return ""
