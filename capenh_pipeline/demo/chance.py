"""Chance that can be repeated."""

import random


def seeded(seed: int) -> random.Random:
    """Return a source of chance that gives the same numbers on every machine."""
    return random.Random(seed)  # noqa: S311  # draws pictures, keeps no secrets
