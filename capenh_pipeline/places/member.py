"""What a file that is read as a folder has in it."""

from typing import NamedTuple


class Member(NamedTuple):
    """A file that is in another one.

    Attributes:
        name: its path in it, / between the parts.
        at: where it is: of a tar the offset of its content in bytes, of a table its row.
        size: of its content, in bytes.
        mtime_ns: when it was written, in nanoseconds since 1970.
    """

    name: str
    at: int
    size: int
    mtime_ns: int
