"""What is wrong with a store, found by looking at every part, and what mends it."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from capenh_pipeline.domain.schemas import TABLES
from capenh_pipeline.errors import StoreError
from capenh_pipeline.files import TEMPORARY_PREFIX
from capenh_pipeline.places.object_place import ObjectPlace
from capenh_pipeline.places.place import Place, move_file, name_in
from capenh_pipeline.tables.faults import reading, writing
from capenh_pipeline.tables.parts import Part, delete_parts, list_parts
from capenh_pipeline.tables.reshard import leftovers, settle_leftovers
from capenh_pipeline.tables.rows import SEQ, read_part
from capenh_pipeline.tables.store import Store
from capenh_pipeline.tables.table import Table

DAMAGED_FOLDER = "damaged"

UNREADABLE, MISPLACED, DUPLICATE = "UNREADABLE", "MISPLACED", "DUPLICATE"
RESHARD, TEMPORARY = "RESHARD", "TEMPORARY"


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        kind: a word in capitals.
        path: the file or folder.
        meaning: what is wrong with it and what that means, for people.
    """

    kind: str
    path: Place
    meaning: str


@dataclass(frozen=True)
class Damage:
    """Findings that are mended together.

    Attributes:
        findings: at least one.
        mend: mends all of them and returns what it did, for people; None where nothing is safe.
            It goes by what is there when it is called.
    """

    findings: list[Finding]
    mend: Callable[[], str] | None


def audit_parts(store: Store, looked: Counter[str]) -> Iterator[Damage]:
    """Yield what is wrong with the parts of a store, shard by shard; each is read as a whole.

    Parts of a table that cannot be read come first, because the rest is mended by reading it.

    Args:
        store: its shards that do not count are looked at too.
        looked: counts `parts` and `rows`, and `parts without a checksum` if there are any.

    Raises:
        StoreError: a folder cannot be read.
    """
    for schema in TABLES:
        table = store.table(schema)
        rows_to_mend: list[Damage] = []
        for key in table.shards():
            yield from _audit_shard(store, table, key, looked, rows_to_mend)
        yield from rows_to_mend
        if other := leftovers(table):
            for key in other.shards():
                yield from _unreadable(store, other, key)


def audit_leftovers(store: Store) -> Iterator[Damage]:
    """Yield what a reshard has left that was stopped; nobody may be at work on the store."""
    found = [
        Finding(RESHARD, shard.folder, "left by a reshard that was stopped; nobody reads it")
        for schema in TABLES
        if (other := leftovers(store.table(schema)))
        for shard in other.shards().values()
        if not _is_kept(shard.folder)
    ]

    def settle() -> str:
        settle_leftovers(store)
        return f"folders deleted: {len(found)}; rows that were nowhere else are in their shards"

    if found:
        yield Damage(found, settle)


def _is_kept(folder: Place) -> bool:
    """Return whether a folder is there only because it holds what is not ours."""
    with reading(folder):
        names = [path.name for path in folder.iterdir()]
    is_ours = list_parts(folder) or all(name.startswith(TEMPORARY_PREFIX) for name in names)
    return not is_ours


def audit_temporaries(root: Place) -> Iterator[Damage]:
    """Yield the temporary files of dead writers; nobody may be at work on the store."""
    if isinstance(root, ObjectPlace):  # nothing is written there but whole
        return
    levels = ("", "*/", "*/*/")
    paths = sorted(path for level in levels for path in root.glob(f"{level}{TEMPORARY_PREFIX}*"))
    yield from temporaries([path for path in paths if path.is_file()])


def temporaries(paths: Sequence[Place]) -> Iterator[Damage]:
    """Yield files that writers have left who were killed."""

    def delete() -> str:
        for path in paths:
            with writing(path):
                path.unlink(missing_ok=True)
        return f"temporary files deleted: {len(paths)}"

    meaning = "a temporary file that a run has left which was killed; nobody reads it"
    if paths:
        yield Damage([Finding(TEMPORARY, path, meaning) for path in paths], delete)


def set_aside(root: Place, path: Place) -> Place:
    """Move a file of the store to where nobody reads it, under a name that is free; return that.

    Raises:
        StoreError: it cannot be moved.
    """
    aside = root / DAMAGED_FOLDER / name_in(root, path)
    with writing(aside):
        while aside.exists() or aside.is_symlink():
            aside = aside.with_name(f"{aside.name}~")
        move_file(path, aside)
    return aside


def _unreadable(store: Store, table: Table, key: str) -> Iterator[Damage]:
    for part in list_parts(table.shard(key).folder):
        rows = _rows_of(store, table, part)
        if isinstance(rows, Damage):
            yield rows


def _audit_shard(
    store: Store, table: Table, key: str, looked: Counter[str], rows_to_mend: list[Damage]
) -> Iterator[Damage]:
    """Yield the parts of a shard that cannot be read; wrong rows of others go to a list."""
    shard = table.shard(key)
    misplaced, duplicates = [], []
    visible = shard.visible_parts()
    for part in list_parts(shard.folder):
        looked["parts"] += 1
        rows = _rows_of(store, table, part)
        if isinstance(rows, Damage):
            yield rows
            continue
        looked.update(_counts(part, rows))
        if part not in visible:
            continue
        if strangers := _strangers(table, key, rows).height:
            meaning = f"{_rows(strangers)} of other shards, where nobody finds them"
            misplaced.append(Finding(MISPLACED, part.path, meaning))
        if twice := rows.height - rows.select(table.schema.key).n_unique():
            meaning = f"{_rows(twice)} with a key that stands in this part already"
            duplicates.append(Finding(DUPLICATE, part.path, meaning))
    if misplaced:
        rows_to_mend.append(Damage(misplaced, lambda: _move_home(table, key)))
    if duplicates:
        rows_to_mend.append(Damage(duplicates, lambda: _merge(table, key)))


def _counts(part: Part, rows: pl.DataFrame) -> dict[str, int]:
    counts = {"rows": rows.height}
    return counts if part.digest else {**counts, "parts without a checksum": 1}


def _rows_of(store: Store, table: Table, part: Part) -> pl.DataFrame | Damage:
    """Return the rows of a part, or what is wrong with it; no rows if it was merged just now."""
    reason: object
    try:
        rows = read_part(part, table.schema)
    except FileNotFoundError as error:
        if not part.path.is_symlink():
            return pl.DataFrame(schema={**table.schema.columns, SEQ: pl.Int64()})
        reason = error
    except StoreError as error:
        reason = error.__cause__
    else:
        is_placed = pl.col(table.schema.shard_by).str.contains("^[0-9a-f]{2}")
        if rows.select(is_placed.fill_null(value=False).all()).item():
            return rows
        reason = f"it has rows without a hash in {table.schema.shard_by}"
    return _unreadable_part(store, table, part, reason)


def _unreadable_part(store: Store, table: Table, part: Part, reason: object) -> Damage:
    if isinstance(reason, PermissionError):
        meaning = "a part that you may not read: runs stop here; allow reading it"
        return Damage([Finding(UNREADABLE, part.path, meaning)], None)

    def move() -> str:
        if table.schema.is_snapshot:  # an older one would show: images would seem to have left
            delete_parts([other for other in list_parts(part.path.parent) if other < part])
        aside = set_aside(store.root, part.path)
        return f"moved to {aside}; the next run computes what is missing without it"

    text = str(reason).partition("\n")[0]
    meaning = f"a part that cannot be read ({text}): runs stop here"
    return Damage([Finding(UNREADABLE, part.path, meaning)], move)


def _strangers(table: Table, key: str, rows: pl.DataFrame) -> pl.DataFrame:
    return rows.filter(pl.col(table.schema.shard_by).str.head(len(key)) != key)


def _move_home(table: Table, key: str) -> str:
    """Move the rows of other shards there, but for those that their shards have already."""
    shard = table.shard(key)
    strangers = _strangers(table, key, shard.read_whole())
    table.adopt(strangers)
    shard.rewrite(without=strangers.select(table.schema.key))
    return f"{_rows(strangers.height)} moved from {shard.folder} to their shards"


def _merge(table: Table, key: str) -> str:
    shard = table.shard(key)
    shard.rewrite()
    return f"the newest row of each key kept in {shard.folder}"


def _rows(count: int) -> str:
    return f"{count:,} row{'s' * (count != 1)}"
