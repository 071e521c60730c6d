"""What may be wrong with a table, as errors of a file."""

import errno
from collections.abc import Generator
from contextlib import contextmanager

MOST_GROUP_BYTES = 1 << 29
"""A group of rows is read as a whole, for one row of it too; `datasets` writes files of 500 MB."""


def not_whole(reason: str = "") -> OSError:
    """Return the error of a file that is damaged, or no table at all."""
    return OSError(errno.EIO, "it is no whole table" + (f" ({reason})" if reason else ""))


def require_moderate(group_bytes: int) -> None:
    """Refuse a group of rows that is too large for memory.

    Raises:
        OSError: it is.
    """
    if group_bytes > MOST_GROUP_BYTES:
        raise OSError(
            errno.EFBIG,
            f"rows lie in groups of more than {MOST_GROUP_BYTES >> 20} MB; write it as Parquet "
            "with fewer rows a group (row_group_size)",
        )


@contextmanager
def table_faults() -> Generator[None]:
    """Turn what pyarrow raises into an error of a file.

    Raises:
        OSError: with a reason.
    """
    from pyarrow import ArrowException

    try:
        yield
    except (ArrowException, OSError, UnicodeDecodeError) as error:
        if isinstance(error, OSError) and error.strerror:
            raise
        raise not_whole(str(error).partition("\n")[0].rstrip(".")) from None
