"""`capenh store prune`: rows that nobody wants any more are shown, and then deleted."""

import sys
from datetime import timedelta
from functools import cache

from capenh_pipeline.commands import Environment, Values
from capenh_pipeline.errors import ConfigurationError
from capenh_pipeline.models.hub_commits import hub_commit, known
from capenh_pipeline.stages.run import Run
from capenh_pipeline.stages.store_prune import (
    FILE,
    IMAGE,
    Pruning,
    Unwanted,
    check_pruning,
    delete_unwanted_rows,
    unwanted_rows,
)
from capenh_pipeline.stages.store_recipes import CAPTION_TABLES, recipes_of, wanted
from capenh_pipeline.store_commands.action import DONE, open_run, say
from capenh_pipeline.store_commands.text import human_bytes, short, table
from capenh_pipeline.tables.sizes import store_size

_REASONS = {IMAGE: "images that left the dataset", FILE: "files that are gone"}


def prune(values: Values, environment: Environment, *, older_than: float | None, yes: bool) -> int:
    """Delete captions that the options do not want and rows of files that are gone; asks first."""
    if older_than is not None and not older_than >= 0:
        raise ConfigurationError(f"--older_than is {older_than}; it must be at least 0 days.")
    run = open_run(values, environment, hub_commit=known(cache(hub_commit)))
    with run.store.held():
        want = wanted(run)
        check_pruning(run, want)
        days = None if older_than is None else timedelta(days=older_than)
        pruning = Pruning(want, before=None if days is None else run.now() - days)
        if count := pruning.unread_images:
            say(
                f"Captions of images that left the dataset stay: {count} of its files could not be "
                f"read at the last run, and they may be theirs."
            )
        found = unwanted_rows(run, pruning)
        _show(run, found)
        if found and (yes or _is_agreed(sum(group.rows for group in found))):
            _delete(run, pruning)
    return DONE


def _show(run: Run, found: list[Unwanted]) -> None:
    if not found:
        say("Nothing to delete: every row is wanted.")
        return
    known_recipes = {
        recipe: f"{short(model)}: {short(prompt)}"
        for name in CAPTION_TABLES
        for recipe, model, prompt in recipes_of(run, name)
        .select("recipe_hash", "model", "prompt")
        .iter_rows()
    }
    lines: list[list[object]] = [
        [
            group.table,
            group.rows,
            human_bytes(group.size_bytes),
            _REASONS.get(group.reason)
            or f"recipe {str(group.recipe_hash)[:8]}, {known_recipes[str(group.recipe_hash)]}",
        ]
        for group in found
    ]
    for line in table(["table", "rows", "about", "of"], lines):
        say(line)


def _is_agreed(rows: int) -> bool:
    """Ask whether to delete; without a terminal nobody is there to agree."""
    if sys.stdin is None or not sys.stdin.isatty():
        say("Nothing was deleted: agree on a terminal, or with --yes.")
        return False
    try:
        answer = input(f"Delete these {rows:,} rows? [y/N] ")
    except EOFError:
        answer = ""
    is_agreed = answer.strip().lower() in ("y", "yes")
    if not is_agreed:
        say("Nothing was deleted.")
    return is_agreed


def _delete(run: Run, pruning: Pruning) -> None:
    before = store_size(run.store).size_bytes
    deleted = delete_unwanted_rows(run, pruning)
    after = store_size(run.store).size_bytes
    say(f"Deleted {deleted:,} rows: {human_bytes(before)} before, {human_bytes(after)} now.")
