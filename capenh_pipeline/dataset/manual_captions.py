"""What people wrote about an image, in a text file beside it."""

import errno
import re
from pathlib import Path

from capenh_pipeline.errors import RowError
from capenh_pipeline.files import read_regular_file

MOST_BYTES = 10_000_000
"""A larger file is no caption."""

_LINE_END = re.compile(r"\r\n?")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")  # all of ASCII's but tab and newline
_NO_SUCH_FILE = {errno.ENOENT, errno.ENAMETOOLONG}  # a name that is too long cannot exist


def read_manual_caption(path: Path) -> str | None:
    """Return the text of a caption file; None where there is no such file or it is blank.

    The text is as its author wrote it, but for white space at both ends, a byte order mark,
    line ends (always a newline) and control characters, which have no place in a prompt.

    Raises:
        RowError: "manual_caption_unreadable", or "manual_caption_not_utf8".
    """
    try:
        text = read_regular_file(path, most_bytes=MOST_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise RowError(
            "manual_caption_not_utf8", f"{_printable(path)} is not UTF-8; save it as UTF-8."
        ) from None
    except OSError as error:
        if error.errno in _NO_SUCH_FILE:
            return None
        raise RowError(
            "manual_caption_unreadable", f"{_printable(path)} cannot be read: {error.strerror}."
        ) from None
    return _CONTROL.sub("", _LINE_END.sub("\n", text)).strip() or None


def _printable(path: Path) -> str:
    return path.name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
