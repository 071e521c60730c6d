"""Shards: the partitions of every table, by the first hex digits of the image hash."""

import polars as pl

HEX_DIGITS = "0123456789abcdef"


def shard_of(image_hash: str, *, digits: int) -> str:
    """Return the partition key that holds `image_hash`.

    The key depends on the hash alone, so it is the same on every machine. A store
    keeps the digit count it was created with, because another count would look for
    rows in shards where they are not.

    Args:
        image_hash: SHA-256 of the file's bytes, 64 lower-case hex digits.
        digits: 1 (16 shards) or 2 (256 shards).
    """
    return image_hash[:digits]


def shard_keys(digits: int) -> list[str]:
    """Return every partition key in order: `"0"`…`"f"`, or `"00"`…`"ff"`."""
    if digits == 1:
        return list(HEX_DIGITS)
    return [first + second for first in HEX_DIGITS for second in HEX_DIGITS]


def shard_number(key: str) -> int:
    """Return the place of a partition among `shard_keys`."""
    return int(key, 16)


def shard_numbers(hashes: pl.Series, *, digits: int) -> pl.Series:
    """Return for each hash the place of its partition among `shard_keys`.

    Args:
        hashes: or their first digits, as many as count at least.
        digits: 1 or 2.
    """
    return hashes.str.head(digits).str.to_integer(base=16)
