"""What an LLM answered, reduced to a caption."""

import re

from capenh_pipeline.errors import RowError

_TAG = r"(?:seed:)?(?:think|thinking|thought|reasoning)"
_OPENING = re.compile(rf"<\s*{_TAG}\b[^<>]*>", re.IGNORECASE)
_CLOSING = re.compile(rf"<\s*/\s*{_TAG}\s*>", re.IGNORECASE)
_REASONING = re.compile(rf"{_OPENING.pattern}.*?{_CLOSING.pattern}", re.IGNORECASE | re.DOTALL)

_LINE_END = re.compile(r"\r\n?")
_NOT_TEXT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_INVISIBLE = "\u200b\u2060\ufeff"  # zero-width characters that `strip` does not know


def caption_of(text: str | None) -> str:
    """Return the caption in an LLM's answer.

    Reasoning models leave their thoughts in the answer. Some are cut off in them, and some
    chat templates end with the opening tag, so that the answer has the closing one only.

    Raises:
        RowError: `empty`; nothing is left.
    """
    caption = _text_only(_without_reasoning(text or "")).strip().strip(_INVISIBLE).strip()
    if not caption:
        raise RowError("empty", "The LLM's answer holds no caption.")
    return caption


def check_finish_reason(finish_reason: str | None, *, refusal: str | None = None) -> None:
    """Make sure that an answer was finished, and was not refused.

    Args:
        finish_reason: as the server said it; None and unknown ones pass.
        refusal: the message's `refusal` field, which some models use in place of a text.

    Raises:
        RowError: `refusal`, `content_filter`, or `length`: a caption that is cut off is none.
    """
    if refusal:
        raise RowError("refusal", f"The LLM refused to answer: {one_line(refusal)}")
    if finish_reason == "content_filter":
        raise RowError("content_filter", "The server's content filter stopped the answer.")
    if finish_reason == "length":
        raise RowError("length", "The answer was cut off: raise --llm_max_tokens.")


def one_line(text: str, *, max_chars: int = 300) -> str:
    """Return `text` fit for an error message: on one line and no longer than `max_chars`."""
    line = " ".join(_text_only(text[: 10 * max_chars]).split())
    return line if len(line) <= max_chars else f"{line[: max_chars - 1]}…"


def _without_reasoning(text: str) -> str:
    after_last_closing = _CLOSING.split(_REASONING.sub("", text))[-1]
    return _OPENING.split(after_last_closing, maxsplit=1)[0]


def _text_only(text: str) -> str:
    """Drop control characters but tab and line feed, and surrogates, which UTF-8 cannot hold."""
    return _NOT_TEXT.sub("", _LINE_END.sub("\n", text))
