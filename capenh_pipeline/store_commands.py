"""What each action of `capenh store` does."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from capenh_pipeline.commands import Environment, Values, write_line
from capenh_pipeline.domain.options import Options
from capenh_pipeline.domain.schemas import TABLES
from capenh_pipeline.domain.shards import shard_keys
from capenh_pipeline.tables.reshard import reshard
from capenh_pipeline.tables.sizes import store_size
from capenh_pipeline.tables.store import Store

DONE = 0


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


def _compact(values: Values, _environment: Environment) -> int:
    """Merge the parts of every shard into one."""
    store = _open_store(values)
    with store.held():
        before = store_size(store)
        for schema in TABLES:
            store.table(schema).compact(shard_keys(store.shard_digits), most_parts=1)
        after = store_size(store)
    _say(f"parts  {before.parts:>10,} before  {after.parts:>10,} now")
    _say(f"bytes  {human(before.size_bytes):>10} before  {human(after.size_bytes):>10} now")
    return DONE


def _reshard(values: Values, _environment: Environment, *, digits: str) -> int:
    """Move all rows to 16 shards a table (1 digit) or 256 (2 digits)."""
    store = _open_store(values)
    with store.held():
        resharded = reshard(store, int(digits))
    now = f"{16 ** int(digits)} shards a table"
    if resharded == store:
        _say(f"The store has {now} already.")
        return DONE
    _say(f"The store has {now} now: set CAPENH_SHARD_DIGITS={digits} for the runs to come.")
    return DONE


def human(count: int) -> str:
    """Return a number of bytes as people read it: `1.5 MB`."""
    if count < 1000:
        return f"{count} B"
    size = float(count)
    for unit in ("kB", "MB", "GB"):
        size /= 1000
        if size < 1000:
            return f"{size:.1f} {unit}"
    return f"{size / 1000:,.1f} TB"


def _open_store(values: Values) -> Store:
    """Return the store that the options name, with the shards that it has."""
    from capenh_pipeline.defs.resources import store_folder

    return Store.existing(store_folder(Options(**values)))


def _say(line: str) -> None:
    write_line(sys.stdout, line)


ACTIONS = {
    "compact": Action(_compact),
    "reshard": Action(
        _reshard,
        usage="--digits 1|2 ",
        flags={
            "digits": {
                "required": True,
                "choices": ("1", "2"),
                "metavar": "1|2",
                "help": "Hex digits of an image's hash that name its shard.",
            }
        },
    ),
}
