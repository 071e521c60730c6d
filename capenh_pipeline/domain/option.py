"""One option: how its name, default, help and limits are written down."""

from dataclasses import field
from typing import Any


def option(
    default: Any,
    help: str,  # noqa: A002  # the word that argparse uses
    *,
    group: str,
    choices: tuple[str, ...] = (),
    minimum: float | None = None,
    metavar: str | None = None,
) -> Any:
    """Return a field of an options class: default, help, and what its values may be."""
    metadata = {"help": help, "group": group, "choices": choices}
    return field(default=default, metadata={**metadata, "minimum": minimum, "metavar": metavar})
