"""`capenh store info`: what is in a store, and how much of what is wanted."""

from capenh_pipeline.commands import Environment, Values
from capenh_pipeline.domain.schemas import TABLES
from capenh_pipeline.errors import CapenhError
from capenh_pipeline.models.hub_commits import cached_commit, known
from capenh_pipeline.stages.run import Run
from capenh_pipeline.stages.store_recipes import (
    CAPTION_TABLES,
    Wanted,
    recipes_of,
    shares_there,
    wanted,
)
from capenh_pipeline.store_commands.action import DONE, open_run, say
from capenh_pipeline.store_commands.text import age, human_bytes, short, table
from capenh_pipeline.tables.marker import FORMAT
from capenh_pipeline.tables.sizes import Size, table_size


def info(values: Values, environment: Environment) -> int:
    """Show what is in a store: rows, bytes, recipes, and how much of what the options want."""
    run = open_run(values, environment, hub_commit=known(cached_commit))
    store = run.store
    say(f"Store {store.root}: format {FORMAT}, {16**store.shard_digits} shards a table")
    say("")
    _say_tables(run)
    try:
        want, reason = wanted(run), ""
    except CapenhError as error:
        want, reason = None, str(error)
    for name in CAPTION_TABLES:
        _say_recipes(run, name, want)
    say("")
    if want is None:
        say(f"What the options want cannot be told: {reason}")
    else:
        _say_shares(run, want)
    return DONE


def _say_tables(run: Run) -> None:
    lines: list[list[object]] = []
    total, all_rows = Size(0, 0, 0), 0
    for schema in TABLES:
        stored = run.store.table(schema)
        size = table_size(stored)
        rows = sum(stored.read([key], columns=schema.key).height for key in stored.shards())
        lines.append([schema.name, rows, human_bytes(size.size_bytes), size.parts, size.shards])
        total, all_rows = total + size, all_rows + rows
    lines.append(["together", all_rows, human_bytes(total.size_bytes), total.parts, total.shards])
    for line in table(["table", "rows", "bytes", "parts", "shards"], lines):
        say(line)


def _say_recipes(run: Run, name: str, want: Wanted | None) -> None:
    recipes = recipes_of(run, name)
    if recipes.is_empty():
        return
    lines: list[list[object]] = [
        [
            "?" if want is None else "yes" if row["recipe_hash"] in want.recipes[name] else "no",
            row["rows"],
            row["failed"],
            age(row["newest"], run.now()),
            short(row["model"]),
            short(row["prompt"]),
            row["recipe_hash"][:8],
        ]
        for row in recipes.iter_rows(named=True)
    ]
    say("")
    say(f"Recipes of {name}")
    for line in table(["wanted", "rows", "failed", "newest", "model", "prompt", "recipe"], lines):
        say(line)


def _say_shares(run: Run, want: Wanted) -> None:
    lines: list[list[object]] = [
        [name, there, count, f"{100 * there / count:.1f} %" if count else "-"]
        for name, (there, count) in shares_there(run, want).items()
    ]
    for line in table(["wanted rows of", "are there", "of", "share"], lines):
        say(line)
