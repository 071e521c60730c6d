"""What an LLM answered: was it finished, and what of it is text."""

import re

from capenh_pipeline.errors import RowError

_TAG = (
    r"(?:seed:|ant)?(?:think|thinking|thought|thoughts|reasoning|reflection|analysis|scratch_?pad"
    r"|inner_?monologue)"
)
_OPENING = re.compile(
    rf"<\s*{_TAG}\b[^<>]*>|\[THINK\]|\u25c1think\u25b7|<\|(?:begin_of_)?(?:thought|thinking)\|>"
    r"|<\|channel>thought|(?:<\|start\|>assistant)?<\|channel\|>(?:analysis|commentary)",
    re.IGNORECASE,
)
_CLOSING = re.compile(
    rf"<\s*/\s*{_TAG}\s*>|\[/THINK\]|\u25c1/think\u25b7|<\|(?:end_of_|/)(?:thought|thinking)\|>"
    r"|<channel\|>|(?:<\|start\|>assistant)?<\|channel\|>final(?:<\|message\|>)?"
    r"|\Aanalysis.*assistantfinal",  # the same channels when their tokens were left out
    re.IGNORECASE | re.DOTALL,
)
_REASONING = re.compile(
    rf"(?:{_OPENING.pattern}).*?(?:{_CLOSING.pattern})", re.IGNORECASE | re.DOTALL
)

_IN_EACH_TAG = re.compile(r"[<\[\u25c1]|assistantfinal", re.IGNORECASE)

_LINE_END = re.compile(r"\r\n?")
_NOT_TEXT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_INVISIBLE = "\u200b\u2060\ufeff"  # zero-width characters that `strip` does not know


def caption_of(text: str | None) -> str:
    """Return the caption in a model's answer.

    Raises:
        RowError: `empty`; nothing is left.
    """
    caption = plain_text(without_reasoning(text or ""))
    if not caption:
        raise RowError("empty", "The LLM's answer holds no caption.")
    return caption


def without_reasoning(text: str) -> str:
    """Return `text` without the thoughts that stand between tags.

    Reasoning models leave their thoughts in the answer. Some are cut off in them, and some
    chat templates end with the opening tag, so that the answer has the closing one only.
    """
    if not _IN_EACH_TAG.search(text):
        return text
    end = max((match.end() for match in _CLOSING.finditer(text)), default=0)
    before = _REASONING.sub("", text[:end])  # an opening after it would be looked up in vain
    after_last_closing = _CLOSING.split(before + text[end:])[-1]
    return _OPENING.split(after_last_closing, maxsplit=1)[0]


def plain_text(text: str) -> str:
    """Return `text` without white space and invisible characters around it, nor control characters.

    Tabs and line feeds stay. Surrogates go too, which UTF-8 cannot hold.
    """
    return _text_only(text).strip().strip(_INVISIBLE).strip()


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


def _text_only(text: str) -> str:
    """Drop control characters but tab and line feed, and surrogates, which UTF-8 cannot hold."""
    return _NOT_TEXT.sub("", _LINE_END.sub("\n", text))
