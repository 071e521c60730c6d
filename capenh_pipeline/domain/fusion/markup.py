"""Markdown, HTML and JSON around a caption."""

import json
import re

_FENCE = re.compile(r"\s*(`{3,}|~{3,})[^\n`]*\n(.*?)\n?\s*\1\s*", re.DOTALL)
_ONE_LINE_FENCE = re.compile(r"\s*`{3,}(?:\w+\s)?\s*([^`\n]+?)\s*`{3,}\s*")
_WRAPPER = re.compile(
    r"\s*<((?:\w+_)?(?:caption|answer|output|result|response|description|text|final|p|div|span|b|i"
    r"|strong|em|html|body|s)\w*)\b[^<>]*>((?:(?!</?\1\b).)*)</\1\s*>\s*",
    re.DOTALL | re.IGNORECASE,
)
_OURS = re.compile(r"\s*<(?:manual_caption|vlm_caption)\b", re.IGNORECASE)
_EMPHASIS = (
    re.compile(r"(?<![\w*])(\*{1,3})(?=[^\s*])([^*\n]*[^\s*])\1(?![\w*])"),
    re.compile(r"(?<![\w_])(_{1,3})(?=[^\s_])([^_\n]*[^\s_])\1(?![\w_])"),
    re.compile(r"(?<![\w~])(~~)(?=\S)([^~\n]*\S)\1(?![\w~])"),
    re.compile(r"(?<!`)(`)([^`\n]+)\1(?!`)"),
)
_ESCAPE = re.compile(r"\\([_*#\[\]()~`>.!-])")
_LINK = re.compile(r"!?\[([^\[\]\n]+)\]\([^()\s]*\)")
_BLOCK_MARK = re.compile(r"(?m)^[ \t]*(?:#{1,6}[ \t]+|>[ \t]?)(?=\S)")
_PART_TITLE = re.compile(
    r"(?m)^[ \t]*(?:#{1,6}[ \t]+\S|[-*\u2022]?[ \t]*(\*\*|__)[^*_\n]{1,40}(?::\1|\1:))"
)
_RULE = re.compile(r"(?m)^[ \t]*(?:-{3,}|\*{3,}|_{3,}|={3,})[ \t]*$\n?")
_ITEM = re.compile(r"(?m)^[ \t]*(?:[-*+\u2022\u25cf\u2013\u2014]|\d{1,2}[.)])[ \t]+(?=\S)")
_BLOCK_TAG = re.compile(r"<(?:p|div|li|h[1-6]|tr|section)\b[^<>]*>", re.IGNORECASE)
_INLINE_TAG = re.compile(
    r"</?(?:p|b|i|u|em|strong|span|div|br|center|small|h[1-6]|font)\b[^<>]*>", re.IGNORECASE
)
_KEY_AND_VALUE = re.compile(r"\{?\s*\"(\w+)\"\s*:\s*\"([^\"\n]+)\"\s*,?\s*\}?")
_CAPTION_KEYS = (
    "caption", "combined_caption", "final_caption", "merged_caption", "answer", "output", "text",
    "description", "result", "response", "final_answer", "content", "final",
)  # fmt: skip

_SHOUTED = 4
"""Spaces in a text that is no sign or title."""

_LEFT = (
    (re.compile(r"```|~~~"), "it has a code fence"),
    (re.compile(r"(?m)^[ \t]*#{1,6}[ \t]+\S"), "it has a heading"),
    (re.compile(r"\*\*\S[^*\n]*\S?\*\*|(?<!\w)__[^_\s][^_\n]*__(?!\w)"), "it has bold text"),
    (re.compile(r"(?m)^[ \t]*\|.*\|[ \t]*$|^[ \t]*\|?[ \t]*:?-{3,}:?[ \t]*\|"), "it is a table"),
    (re.compile(r"\[[^\[\]\n]+\]\(\S+\)"), "it has a link"),
    (re.compile(r"\A\s*[\[{]\s*[\"{\[]|\A\s*\{.*\}\s*\Z", re.DOTALL), "it is JSON"),
    (re.compile(r"</?(?:html|body|p|div|span|ul|ol|li|h[1-6]|table|tr|td|br|strong|em|b|i|a|img|pre"
                r"|code|caption|title|script|figure|figcaption|section|head|u|poem)\b[^<>]*>",
                re.IGNORECASE), "it has HTML tags"),
    (re.compile(r"\$\$|\\(?:text|begin|textbf|boxed|frac)\{"), "it has LaTeX"),
)  # fmt: skip


def out_of_json(text: str) -> str:
    """Return the caption in a JSON object or list that holds nothing else; else `text`."""
    if text[:1] not in ("{", "["):
        return _value_of_key(text)
    try:
        value = json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return _value_of_key(text)
    caption = _only_text(value)
    return caption.strip() if caption else text


def _value_of_key(text: str) -> str:
    """Return the caption in a line of JSON that is not whole."""
    match = _KEY_AND_VALUE.fullmatch(text)
    return match[2] if match and match[1].lower() in _CAPTION_KEYS else text


def without_markup(text: str, manual: str | None = None) -> str:
    """Return `text` without the marks that only format it; what `manual` has is its text."""
    text = _unwrapped(text)
    if len(_PART_TITLE.findall(text)) > 1 or len(_BLOCK_TAG.findall(text)) > 1:
        return text.strip()
    for pattern in (*_EMPHASIS, _LINK):
        text = pattern.sub(lambda match: _inner(match, manual), text)
    for pattern in (_BLOCK_MARK, _RULE, _INLINE_TAG):
        if not (manual and pattern.search(manual)):
            text = pattern.sub("", text)
    if not (manual and "\\" in manual):
        text = _ESCAPE.sub(r"\1", text)
    if len(_ITEM.findall(text)) == 1 and not (manual and _ITEM.search(manual)):
        text = _only_item(text)
    return text.strip()


def markup_in(text: str, manual: str | None) -> str | None:
    """Return what of Markdown, HTML or JSON `text` has and `manual` has not, or None."""
    for pattern, complaint in _LEFT:
        if pattern.search(text) and not (manual and pattern.search(manual)):
            return complaint
    if text.isupper() and text.count(" ") >= _SHOUTED and not (manual and manual.isupper()):
        return "it is all in capitals"
    if len(_ITEM.findall(text)) > 1 and not (manual and _ITEM.search(manual)):
        return "it is a list"
    return None


def _unwrapped(text: str) -> str:
    whole = _FENCE.fullmatch(text)
    if whole:
        return whole[2].strip()
    whole = _ONE_LINE_FENCE.fullmatch(text)
    if whole:
        return whole[1].strip()
    whole = _WRAPPER.fullmatch(text)
    return whole[2].strip() if whole and not _OURS.match(text) else text


def _inner(match: re.Match[str], manual: str | None) -> str:
    return match[0] if manual and match[0] in manual else match[match.re.groups]


def _only_item(text: str) -> str:
    """Unwrap the list of one item that is all of `text`; "1. Wash hands" in a text stays."""
    match = _ITEM.match(text)
    return text[match.end() :] if match else text


def _only_text(value: object) -> str | None:
    if isinstance(value, list) and len(value) == 1:
        return _only_text(value[0])
    if isinstance(value, str):
        return value
    if not isinstance(value, dict):
        return None
    texts = {str(key).lower(): text for key, text in value.items() if isinstance(text, str)}
    named = [texts[key] for key in _CAPTION_KEYS if key in texts]
    if len(value) == 1 and not named:
        return _only_text(next(iter(value.values())))
    return named[0] if named else None
