"""`capenh store check`: what is wrong with a store, and what mends it."""

from collections import Counter
from collections.abc import Iterable
from contextlib import nullcontext

from capenh_pipeline.commands import Environment, Values, console
from capenh_pipeline.domain.options import Options
from capenh_pipeline.places.place import is_in
from capenh_pipeline.stages.run import Run
from capenh_pipeline.stages.store_check import (
    check_caption_files,
    check_hashes,
    check_store,
    holds_images,
)
from capenh_pipeline.store_commands.action import DONE, FOUND, open_run, say
from capenh_pipeline.store_commands.text import one_line
from capenh_pipeline.tables.audit import UNREADABLE, Damage
from capenh_pipeline.tables.hold import hold, is_held
from capenh_pipeline.tables.lost_marker import marker_damage
from capenh_pipeline.tables.marker import is_store
from capenh_pipeline.tables.store import Store


def check(values: Values, environment: Environment, *, deep: bool, repair: bool) -> int:
    """Name what is wrong with a store, one thing a line; --repair mends what can be mended."""
    from capenh_pipeline.defs.resources import dataset_folder, store_folder

    options = Options(**values)
    root, dataset = store_folder(options), dataset_folder(options)
    if not is_store(root):
        Store.existing(root)  # says that there is none, before a lock is left there
    report = _Report(repair=repair)
    with hold(root) if repair else nullcontext():
        is_alone = repair or not is_held(root)
        owner = None if is_in(root, dataset) else dataset
        if damage := marker_damage(root, owner):
            report.tell([damage])
        if damage and not repair:
            say("The rest is looked at when that is mended.")
        else:
            with console() as progress:
                run = open_run(values, environment, progress=progress)
                _look(run, report, is_alone=is_alone, deep=deep)
    return report.end()


def _look(run: Run, report: "_Report", *, is_alone: bool, deep: bool) -> None:
    looked = report.looked
    report.tell(check_store(run, looked, is_alone=is_alone))
    if not is_alone:
        say("A run is at work on the store, so unfinished files were not looked for.")
    if report.is_unreadable:
        say("The files beside the store are looked at when that is mended.")
        return
    if not holds_images(run):
        say(f"None of the images is in {run.dataset}, so the files there were not looked at.")
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
                say(f"{finding.kind}  {one_line(str(finding.path))}  {finding.meaning}")
            self._found += len(damage.findings)
            if self._repair and damage.mend:
                say(f"  repaired: {damage.mend()}")
            else:
                self._left += len(damage.findings)
                self.is_unreadable |= any(found.kind == UNREADABLE for found in damage.findings)

    def end(self) -> int:
        """Say what was looked at and how much is wrong; return the exit code."""
        counts = ", ".join(f"{count:,} {name}" for name, count in self.looked.items())
        say(f"Looked at {counts or 'nothing else'}.")
        if not self._found:
            say("Nothing is wrong.")
        elif self._left and not self._repair:
            say(f"Found: {self._found:,}. capenh store check --repair mends what is safe to mend.")
        else:
            say(f"Found: {self._found:,}, of which {self._found - self._left:,} are repaired.")
        return FOUND if self._left else DONE
