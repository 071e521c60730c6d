"""How large a store is."""

from dataclasses import dataclass

from capenh_pipeline.domain.schemas import TABLES
from capenh_pipeline.tables.faults import reading
from capenh_pipeline.tables.parts import Part, list_parts
from capenh_pipeline.tables.store import Store
from capenh_pipeline.tables.table import Table


@dataclass(frozen=True)
class Size:
    """What lies on the disk of a table or a store.

    Attributes:
        shards: those that have a part.
        parts: all of their files, superseded rows included.
        size_bytes: of these files.
    """

    shards: int
    parts: int
    size_bytes: int

    def __add__(self, other: "Size") -> "Size":
        return Size(
            self.shards + other.shards,
            self.parts + other.parts,
            self.size_bytes + other.size_bytes,
        )


def table_size(table: Table) -> Size:
    """Return the size of a table.

    Raises:
        StoreError: a folder cannot be read.
    """
    shards = [parts for shard in table.shards().values() if (parts := list_parts(shard.folder))]
    return Size(len(shards), sum(map(len, shards)), sum(map(bytes_of, shards)))


def store_size(store: Store) -> Size:
    """Return the size of all tables together.

    Raises:
        StoreError: a folder cannot be read.
    """
    return sum((table_size(store.table(schema)) for schema in TABLES), Size(0, 0, 0))


def bytes_of(parts: list[Part]) -> int:
    """Return how many bytes some parts have; one that was merged meanwhile has none."""
    total = 0
    for part in parts:
        with reading(part.path):
            try:
                total += part.path.stat().st_size
            except FileNotFoundError:
                continue
    return total
