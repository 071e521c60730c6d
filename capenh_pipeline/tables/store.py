"""The store: a folder of Parquet tables, sharded alike, that any Parquet reader can open."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

from capenh_pipeline.domain.schemas import TableSchema
from capenh_pipeline.errors import StoreError
from capenh_pipeline.places.object_place import ObjectPlace
from capenh_pipeline.places.place import Place, make_place
from capenh_pipeline.tables.faults import reading, writing
from capenh_pipeline.tables.hold import hold
from capenh_pipeline.tables.lease import require_conditions
from capenh_pipeline.tables.marker import (
    MARKER,
    check_marker,
    check_not_lost,
    create_marker,
    read_marker,
)
from capenh_pipeline.tables.settled import Settled
from capenh_pipeline.tables.table import Table


@dataclass(frozen=True)
class Store:
    """A folder of tables.

    Attributes:
        root: holds `store.json` and one folder a table.
        shard_digits: 1 (16 shards a table) or 2 (256), fixed until the store is resharded.
    """

    root: Place
    shard_digits: int

    @classmethod
    def open(cls, root: Place, *, shard_digits: int, dataset: Place | None = None) -> "Store":
        """Return the store at `root`, created when missing; processes may open it at once.

        Args:
            root: the folder.
            shard_digits: of every table.
            dataset: the dataset whose store it is, where that is not clear from `root`: paths in
                the tables are relative, so one store cannot serve two.

        Raises:
            StoreError: it is of another format, shard count or dataset, has lost its marker, or
                cannot be read or created.
        """
        with writing(root):
            if root.exists() and not root.is_dir():
                raise StoreError(f"{root} is a file; give a folder with --store.")
            if not (root / MARKER).exists():
                make_place(root)
                if isinstance(root, ObjectPlace):
                    require_conditions(root)
                create_marker(root, shard_digits=shard_digits, dataset=dataset)
        marker = read_marker(root)
        check_marker(marker, root, shard_digits=shard_digits, dataset=dataset)
        return cls(root=root, shard_digits=shard_digits)

    @classmethod
    def existing(cls, root: Place) -> "Store":
        """Return the store at `root` with the shards that it has; nothing is created.

        Raises:
            StoreError: there is none, it is of another format, has lost its marker, or cannot be
                read.
        """
        with reading(root):
            check_not_lost(root)
            is_there = (root / MARKER).exists()
        if not is_there:
            raise StoreError(
                f"There is no store at {root}; name its dataset with --dataset_dir, or the folder "
                f"itself with --store."
            )
        return cls(root=root, shard_digits=read_marker(root)["shard_digits"])

    @contextmanager
    def held(self) -> Generator[None]:
        """Keep other commands from working on the store meanwhile; a killed one lets go of it.

        Raises:
            StoreError: another one holds it, and the message says which; or one has resharded it
                since it was opened.
        """
        with hold(self.root):
            marker = read_marker(self.root)
            check_marker(marker, self.root, shard_digits=self.shard_digits, dataset=None)
            yield

    def table(self, schema: TableSchema) -> Table:
        """Return the table of that schema; it need not have rows."""
        return Table(self.root / schema.name, schema, self.shard_digits)

    def settled(self, name: str) -> Settled:
        """Return the notes of that name on what was found complete."""
        return Settled(self.root / "settled" / f"{name}.json")
