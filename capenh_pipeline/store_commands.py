"""What each action of `capenh store` does."""

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

from capenh_pipeline.commands import Environment, Values, console, write_line
from capenh_pipeline.domain.options import Options
from capenh_pipeline.domain.schemas import TABLES
from capenh_pipeline.domain.shards import shard_keys
from capenh_pipeline.stages.run import Run
from capenh_pipeline.stages.store_check import (
    check_caption_files,
    check_hashes,
    check_store,
    holds_images,
)
from capenh_pipeline.tables.audit import UNREADABLE, Damage
from capenh_pipeline.tables.hold import hold, is_held
from capenh_pipeline.tables.lost_marker import marker_damage
from capenh_pipeline.tables.reshard import reshard
from capenh_pipeline.tables.sizes import store_size
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


def _check(values: Values, environment: Environment, *, deep: bool, repair: bool) -> int:
    """Name what is wrong with a store, one thing a line; --repair mends what can be mended."""
    from capenh_pipeline.defs.resources import dataset_folder, store_folder

    options = Options(**values)
    root, dataset = store_folder(options), dataset_folder(options)
    if not root.is_dir():
        Store.existing(root)
    report = _Report(repair=repair)
    with hold(root) if repair else nullcontext():
        is_alone = repair or not is_held(root)
        owner = None if root.is_relative_to(dataset) else dataset
        if damage := marker_damage(root, owner):
            report.tell([damage])
        if damage and not repair:
            _say("The rest is looked at when that is mended.")
        else:
            with console() as progress:
                run = _open_run(values, environment, progress=progress)
                _look(run, report, is_alone=is_alone, deep=deep)
    return report.end()


def _look(run: Run, report: "_Report", *, is_alone: bool, deep: bool) -> None:
    looked = report.looked
    report.tell(check_store(run, looked, is_alone=is_alone))
    if not is_alone:
        _say("A run is at work on the store, so unfinished files were not looked for.")
    if report.is_unreadable:
        _say("The files beside the store are looked at when that is mended.")
        return
    if not holds_images(run):
        _say(f"None of the images is in {run.dataset}, so the files there were not looked at.")
        return
    report.tell(check_caption_files(run, looked, is_alone=is_alone))
    if deep:
        report.tell(check_hashes(run, looked))


class _Report:
    """Tells of damage as it is found, and mends it if that is wanted."""

    def __init__(self, *, repair: bool) -> None:
        self.looked: Counter[str] = Counter()
        self._repair = repair
        self.is_unreadable = False
        self._found = self._left = 0

    def tell(self, damages: Iterable[Damage]) -> None:
        for damage in damages:
            for finding in damage.findings:
                _say(f"{finding.kind}  {one_line(str(finding.path))}  {finding.meaning}")
            self._found += len(damage.findings)
            if self._repair and damage.mend:
                _say(f"  repaired: {damage.mend()}")
            else:
                self._left += len(damage.findings)
                self.is_unreadable |= any(found.kind == UNREADABLE for found in damage.findings)

    def end(self) -> int:
        """Say what was looked at and how much is wrong; return the exit code."""
        counts = ", ".join(f"{count:,} {name}" for name, count in self.looked.items())
        _say(f"Looked at {counts or 'nothing else'}.")
        if not self._found:
            _say("Nothing is wrong.")
        elif self._left and not self._repair:
            _say(f"Found: {self._found:,}. capenh store check --repair mends what is safe to mend.")
        else:
            _say(f"Found: {self._found:,}, of which {self._found - self._left:,} are repaired.")
        return FOUND if self._left else DONE


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


def _open_run(values: Values, environment: Environment, **outside: Any) -> Run:
    """Open a run on the store as it is: with all images, and with the shards that it has.

    Args:
        values: of the options.
        environment: variables.
        outside: parts of `Outside`.
    """
    from capenh_pipeline.defs.resources import Outside

    store = _open_store(values)
    options = replace(Options(**values), shard_digits=store.shard_digits, limit=None)
    return Outside(environment=lambda: environment, **outside).open_run(options)


def one_line(text: str) -> str:
    """Return a text without what would end or spoil a line of a terminal, in Python's escapes."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in text
    )


def _say(line: str) -> None:
    write_line(sys.stdout, line)


ACTIONS = {
    "check": Action(
        _check,
        usage="[--deep] [--repair] ",
        flags={
            "deep": {
                "action": "store_true",
                "help": "Read all images, to find those whose content is not what the store says.",
            },
            "repair": {
                "action": "store_true",
                "help": "Mend what is safe to mend; a file that cannot be read is moved, not lost.",
            },
        },
    ),
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
