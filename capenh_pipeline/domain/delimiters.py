"""Signs in a caption that could pass for the end of it, made harmless."""

import re
import unicodedata

_UNIT = re.compile(r"&(?:amp;?)*(?:lt|#0*60|#x0*3c);?|.", re.IGNORECASE | re.DOTALL)
"""A character, or an HTML entity of `<` however often it was escaped."""

_FIRST_SIGNS = re.compile("[<\\[&\ufe64\uff1c\uff3b]")
"""What any of them begins with; most captions have none."""

_INVISIBLE = ("Cf", "Mn")
"""Unicode categories of signs that a reader may overlook within a word."""

_TAG = r"<[\s/\\]*(?:manual|vlm)[\s_-]*caption"
_CHAT_TOKENS = (
    r"<\|[^<>|]{1,40}\|>",  # ChatML, Llama 3, Phi, DeepSeek
    r"</?s>|<(?:bos|eos|pad|unk)>",  # Llama 2, Mistral, Gemma
    r"<(?:start|end)_of_turn>",
    r"<</?sys>>",
    r"\[/?(?:inst|system_prompt|available_tools|tool_calls|tool_results)\]",
)
_DANGEROUS = re.compile("|".join([_TAG, *_CHAT_TOKENS]))
_HARMLESS = {"<": "\u2039", "[": "("}


def without_delimiters(text: str) -> str:
    """Return `text` with our own tags and the special tokens of chat templates made harmless.

    A caption cannot end its element in the message then, nor begin a new turn: servers make
    tokens of the whole message. Only the first sign of each is replaced, however it is spelt:
    other letter case or width, invisible signs within, HTML entities. Other brackets stay.
    """
    if not _FIRST_SIGNS.search(text):
        return text
    units = _UNIT.findall(text)
    seen, owners = "", []
    for place, unit in enumerate(units):
        plain = _plain(unit)
        seen += plain
        owners += [place] * len(plain)
    for match in _DANGEROUS.finditer(seen):
        units[owners[match.start()]] = _HARMLESS[match[0][0]]
    return "".join(units)


def _plain(unit: str) -> str:
    if len(unit) > 1:
        return "<"
    signs = unicodedata.normalize("NFKC", unit).casefold()
    return "".join(sign for sign in signs if unicodedata.category(sign) not in _INVISIBLE)
