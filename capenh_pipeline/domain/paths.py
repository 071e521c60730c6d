"""Paths of files whose names may be any bytes.

A table keeps a path as text, and beside it the bytes where they are not UTF-8; the text is then
only a printable form. Code handles a *raw* path: UTF-8 text in which every other byte is a lone
surrogate (PEP 383), so that it can be cut and joined as text and still names the file.
"""

import os
import re
from pathlib import Path

from capenh_pipeline.domain.identity import sha256_hex

_NOT_OF_A_LINE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


def raw_path(path: str, path_bytes: bytes | None) -> str:
    """Return the raw path of two table columns."""
    return path if path_bytes is None else path_bytes.decode("utf-8", "surrogateescape")


def stored_path(content: bytes) -> tuple[str, bytes | None]:
    """Return the columns `path` and `path_bytes` of the path that has these bytes."""
    try:
        return content.decode(), None
    except UnicodeDecodeError:
        return content.decode("utf-8", "backslashreplace"), content


def encode_path(raw: str) -> bytes:
    """Return the bytes that a raw path stands for."""
    return raw.encode("utf-8", "surrogateescape")


def path_hash(path: str, path_bytes: bytes | None) -> str:
    """Return SHA-256 of the bytes of a path, given as two table columns."""
    return sha256_hex(path.encode() if path_bytes is None else path_bytes)


def system_path(root: Path, raw: str) -> Path:
    """Return the file below `root` that a raw path names, whatever the locale's encoding is."""
    return root / os.fsdecode(encode_path(raw))


def one_line(text: str) -> str:
    r"""Return text that may have paths in it as one line for a terminal or a log.

    A file name can hold line ends, sequences that steer a terminal, and marks that turn the
    direction of writing around: each such character becomes an escape, as in `\n`.
    """
    return _NOT_OF_A_LINE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
