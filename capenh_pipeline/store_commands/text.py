"""Numbers, texts and tables as people read them on a terminal."""

from collections.abc import Sequence
from datetime import datetime

_LONGEST = 40


def human_bytes(count: float) -> str:
    """Return a number of bytes: `999 B`, `1.5 MB`."""
    if count < 1000:
        return f"{count:.0f} B"
    size = float(count)
    for unit in ("kB", "MB", "GB"):
        size /= 1000
        if size < 1000:
            return f"{size:.1f} {unit}"
    return f"{size / 1000:,.1f} TB"


def age(made: datetime | None, now: datetime) -> str:
    """Return how long ago something was, in days; `?` for None."""
    if made is None:
        return "?"
    days = (now - made).days
    return "today" if days < 1 else f"{days:,} day{'s' * (days != 1)} ago"


def one_line(text: str) -> str:
    """Return a text without what would end or spoil a line, in the escapes of Python."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in text
    )


def short(text: str | None) -> str:
    """Return the beginning of a text, on one line; `-` for None."""
    line = " ".join((text or "-").split())
    return one_line(line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…")


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    """Return lines in which columns stand below one another, those of numbers to the right."""
    shown = [[f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row] for row in rows]
    columns = list(zip(header, *shown, strict=True))
    widths = [max(map(len, column)) for column in columns]
    is_number = [all(cell[:1].isdigit() for cell in column[1:]) for column in columns]
    return [
        "  ".join(
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(line, widths, is_number, strict=True)
        ).rstrip()
        for line in [header, *shown]
    ]
