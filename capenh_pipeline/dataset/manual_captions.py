"""What people wrote about an image, in a text file beside it."""

import errno
import re
from dataclasses import dataclass

from capenh_pipeline.domain.identity import sha256_hex
from capenh_pipeline.places.place import Place
from capenh_pipeline.places.reading import read_file

MOST_BYTES = 64_000
"""A larger file is no caption: some 16,000 tokens, over which a small server may sit so long that
the whole run ends for want of an answer."""

TOO_LARGE = "manual_caption_too_large"
"""The error kind of such a file: its size tells, so it need not be looked at again."""

_LINE_END = re.compile(r"\r\n?")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")  # all of ASCII's but tab and newline
_NO_SUCH_FILE = {errno.ENOENT, errno.ENAMETOOLONG}  # a name that is too long cannot exist


@dataclass(frozen=True, slots=True)
class CaptionFacts:
    """What a caption file says.

    Attributes:
        text_hash: SHA-256 of its bytes, None where they cannot be read.
        caption: what its author wrote, but for white space at both ends, a byte order mark, line
            ends (always a newline) and control characters, which have no place in a prompt. None
            where that is nothing, where there is no file, and where it failed.
        error_kind: None, "manual_caption_unreadable", "manual_caption_not_utf8" or `TOO_LARGE`.
        error: None, or one sentence.
    """

    text_hash: str | None = None
    caption: str | None = None
    error_kind: str | None = None
    error: str | None = None


def inspect_caption(path: Place) -> CaptionFacts:
    """Return what a caption file says.

    Raises:
        DatasetError: object storage does not answer.
    """
    try:
        content = read_file(path, most_bytes=MOST_BYTES)
    except OSError as error:
        if error.errno in _NO_SUCH_FILE:
            return CaptionFacts()
        return _failed(path, error)
    text_hash = sha256_hex(content)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        reason = f"{_printable(path)} is not UTF-8; save it as UTF-8."
        return CaptionFacts(text_hash, error_kind="manual_caption_not_utf8", error=reason)
    return CaptionFacts(text_hash, _CONTROL.sub("", _LINE_END.sub("\n", text)).strip() or None)


def _failed(path: Place, error: OSError) -> CaptionFacts:
    if error.errno == errno.EFBIG:
        size = f"{MOST_BYTES // 1000} kB"
        reason = f"{_printable(path)} is larger than {size}, so it is no caption"
        return CaptionFacts(error_kind=TOO_LARGE, error=f"{reason}; rename or shorten it.")
    reason = f"{_printable(path)} cannot be read: {error.strerror}."
    return CaptionFacts(error_kind="manual_caption_unreadable", error=reason)


def _printable(path: Place) -> str:
    return path.name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
