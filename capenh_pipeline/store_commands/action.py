"""What the actions of `capenh store` share: a store that is there, and what is said of it."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from capenh_pipeline.commands import Environment, Values, write_line
from capenh_pipeline.domain.options import Options
from capenh_pipeline.stages.run import Run
from capenh_pipeline.tables.store import Store

DONE, FOUND = 0, 1


@dataclass(frozen=True)
class Action:
    """One action: what it does, and what it takes besides the options of every command.

    Attributes:
        run: does it; takes values, environment and a keyword for each flag; returns the exit code.
        usage: the flags for a line of help, with a space behind.
        flags: what argparse is told of each, by name without `--`.
    """

    run: Callable[..., int]
    usage: str = ""
    flags: Mapping[str, dict[str, Any]] = field(default_factory=dict)


def open_store(values: Values) -> Store:
    """Return the store that the options name, with the shards that it has.

    Raises:
        CapenhError: there is none, or it cannot be used.
    """
    from capenh_pipeline.defs.resources import store_folder

    return Store.existing(store_folder(Options(**values)))


def open_run(values: Values, environment: Environment, **outside: Any) -> Run:
    """Open a run on the store as it is: with all images, and with the shards that it has.

    Args:
        values: of the options.
        environment: variables.
        outside: parts of `Outside`.

    Raises:
        CapenhError: there is no store, or it cannot be used.
    """
    from capenh_pipeline.defs.resources import Outside

    store = open_store(values)
    options = replace(Options(**values), shard_digits=store.shard_digits, limit=None)
    return Outside(environment=lambda: environment, **outside).open_run(options)


def say(line: str) -> None:
    """Write a line to the standard output."""
    write_line(sys.stdout, line)
