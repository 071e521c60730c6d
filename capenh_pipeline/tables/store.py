"""The store: a folder of Parquet tables, sharded alike, that any Parquet reader can open."""

import json
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from capenh_pipeline.domain.schemas import TableSchema
from capenh_pipeline.errors import StoreError
from capenh_pipeline.files import create_atomically, make_folder
from capenh_pipeline.tables.faults import reading, writing
from capenh_pipeline.tables.settled import Settled
from capenh_pipeline.tables.table import Table

FORMAT = 1


@dataclass(frozen=True)
class Store:
    """A folder of tables.

    Attributes:
        root: holds `store.json` and one folder a table.
        shard_digits: 1 (16 shards a table) or 2 (256), fixed when the store is created.
    """

    root: Path
    shard_digits: int

    @classmethod
    def open(cls, root: Path, *, shard_digits: int, dataset: Path | None = None) -> "Store":
        """Return the store at `root`, created when missing; processes may open it at once.

        Args:
            root: the folder.
            shard_digits: of every table.
            dataset: the dataset whose store it is, where that is not clear from `root`: paths in
                the tables are relative, so one store cannot serve two.

        Raises:
            StoreError: it is of another format, shard count or dataset, or cannot be read or
                created.
        """
        marker = root / "store.json"
        with writing(root):
            if root.exists() and not root.is_dir():
                raise StoreError(f"{root} is a file; give a folder with --store.")
            if not marker.exists():
                make_folder(root)
                create_atomically(marker, _marker_content(shard_digits, dataset))
        content = _read_marker(marker)
        _check(content, root, shard_digits=shard_digits)
        _check_dataset(content, root, dataset)
        return cls(root=root, shard_digits=shard_digits)

    @contextmanager
    def held(self) -> Generator[None]:
        """Keep other commands from working on the store meanwhile; a killed one lets go of it.

        Raises:
            StoreError: another one holds it.
        """
        lock = FileLock(self.root / "run.lock")
        with writing(self.root):
            try:
                lock.acquire(blocking=False)
            except Timeout:
                raise StoreError(
                    f"Another run is at work on the store {self.root}; wait until it has ended."
                ) from None
        try:
            yield
        finally:
            lock.release()

    def table(self, schema: TableSchema) -> Table:
        """Return the table of that schema; it need not have rows."""
        return Table(self.root / schema.name, schema, self.shard_digits)

    def settled(self, name: str) -> Settled:
        """Return the notes of that name on what was found complete."""
        return Settled(self.root / "settled" / f"{name}.json")


def _marker_content(shard_digits: int, dataset: Path | None) -> bytes:
    marker = {"format": FORMAT, "shard_digits": shard_digits}
    owner = {} if dataset is None else {"dataset": str(dataset)}
    return json.dumps({**marker, **owner}).encode() + b"\n"


def _read_marker(marker: Path) -> dict[str, Any]:
    with reading(marker):
        content = marker.read_bytes()
    try:
        value = json.loads(content)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise StoreError(
            f"{marker} is damaged; write "
            f'{{"format": {FORMAT}, "shard_digits": 1}} into it if the store has 16 shards '
            f"(2 if 256), or use another --store."
        )
    return value


def _check(marker: dict[str, Any], root: Path, *, shard_digits: int) -> None:
    if marker.get("format") != FORMAT:
        raise StoreError(
            f"The store {root} has format {marker.get('format')}, and this version reads format "
            f"{FORMAT}; use the version that wrote it, or another --store."
        )
    stored = marker.get("shard_digits")
    if stored not in (1, 2):
        raise StoreError(f"{root}/store.json has shard_digits {stored}; it must be 1 or 2.")
    if stored != shard_digits:
        raise StoreError(
            f"The store {root} has {_count(stored)}, and {_count(shard_digits)} were asked for; "
            f"set CAPENH_SHARD_DIGITS={stored} or use another --store."
        )


def _check_dataset(marker: dict[str, Any], root: Path, dataset: Path | None) -> None:
    owner = marker.get("dataset")
    if dataset is not None and owner not in (None, str(dataset)):
        raise StoreError(
            f"The store {root} belongs to the dataset {owner}; use another --store for {dataset} "
            f'(or, if that is the same one and was moved, change "dataset" in {root}/store.json).'
        )


def _count(digits: int) -> str:
    return f"{16**digits} shards ({digits} {'digit' if digits == 1 else 'digits'})"
