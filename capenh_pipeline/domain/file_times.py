"""Times of files, as tables keep them."""

_LEAST, _MOST = -(2**63), 2**63 - 1


def storable_ns(time_ns: int) -> int:
    """Return a time in nanoseconds since 1970, or the nearest that a 64-bit column can hold.

    Those are the years 1677 to 2262. That hides no change of a file: ctime is the system's clock,
    and nobody sets it.
    """
    return max(_LEAST, min(time_ns, _MOST))
