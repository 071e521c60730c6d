"""What a dataset held when its manifest was last brought up to date, so that a run sees changes.

It is kept in the folder `listing` of the store: the units of the dataset in one table, their files
spread over some dozens, so that what is read and written for a change is a part of a large dataset.
No name is used twice. Who finds a table missing or damaged knows nothing, and looks at everything.
"""

import uuid
import zlib
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from capenh_pipeline.buckets import Buckets
from capenh_pipeline.dataset.scan import LISTED
from capenh_pipeline.dataset.units import UNIT, UNITS, changed_units, digests
from capenh_pipeline.dataset.walk import UNKNOWN_STATE, Frames
from capenh_pipeline.files import TEMPORARY_PREFIX
from capenh_pipeline.places.kept_rows import keep_rows, kept_rows
from capenh_pipeline.places.place import Place
from capenh_pipeline.tables.faults import writing
from capenh_pipeline.tables.parts import delete_stale_temporaries

RACY_NS = 2_000_000_000
"""What changed less than this before it was looked at may change again with the same time stamps
(git's rule for its index), so it is looked at once more next time. ctime tells when: nobody can
set it."""

FILES = {
    **{name: LISTED[name] for name in [*UNIT, *LISTED]},
    "shard": pl.String,  # of two digits, of its row in the manifest; null where it has none
}
"""Columns of the files that are known."""

UNSETTLED = -2
"""The size of a known file that is looked at again whatever its state: no file has it."""

_TABLES = 64  # over which the files of a dataset are spread
_KEPT_UNITS = {**UNITS, "file": pl.String}


@dataclass(frozen=True)
class KnownListing:
    """The files of a dataset as the manifest shows them.

    Attributes:
        folder: where it is kept.
        units: in the columns of `UNITS` and `file`, which names what the unit's files are kept in.
        names: of `unusual_names`, of all images.
    """

    folder: Place
    units: pl.DataFrame
    names: pl.DataFrame

    @property
    def files(self) -> int:
        """How many files there are."""
        return int(self.units["files"].sum())

    def append_files(self, units: pl.DataFrame, taker: Frames) -> bool:
        """Give away the files of some of its units, table by table.

        Returns:
            Whether all could be told; otherwise some may be missing.
        """
        wanted = units.filter(pl.col("files") > 0)
        for (file,), some in wanted.group_by("file"):
            rows = kept_rows(self.folder / str(file), FILES)
            if rows is None:
                return False
            rows = rows.join(some, on=UNIT, how="semi")
            if not changed_units(some, digests(rows)).is_empty():
                return False
            taker.append(rows)
        return True

    def files_of(self, units: pl.DataFrame) -> pl.DataFrame | None:
        """Return the files of some of its units, None where they cannot be told."""
        found = [pl.DataFrame(schema=FILES)]
        return pl.concat(found) if self.append_files(units, found) else None


def load_listing(folder: Place, name: str) -> KnownListing | None:
    """Return the listing of that name; None if there is none or it is damaged."""
    units = kept_rows(folder / f"units-{name}", _KEPT_UNITS)
    names = kept_rows(folder / f"names-{name}")
    return None if units is None or names is None else KnownListing(folder, units, names)


class KeptFiles:
    """Files that a listing is to have, apart by the tables in which they are kept."""

    def __init__(self, scratch: Path | None) -> None:
        """Begin without files; see `Buckets` for `scratch`."""
        self._files = Buckets(FILES, _TABLES, folder=scratch)
        self._units = [_with_tables(digests(pl.DataFrame(schema=FILES)))]

    @property
    def units(self) -> pl.DataFrame:
        """The units of the files, in the columns of `digests` and `table`."""
        return pl.concat(self._units)

    def add(self, files: pl.DataFrame) -> None:
        """Take files.

        Args:
            files: all of some units, in the columns `FILES`.
        """
        units = _with_tables(digests(files))
        self._units.append(units)
        placed = files.join(
            units.select(*UNIT, "table"), on=UNIT, how="left", maintain_order="left"
        )
        self._files.add(placed, placed["table"])

    def of(self, table: int) -> pl.DataFrame:
        """Return the files of one table."""
        return self._files.read([table])


def save_listing(
    folder: Place,
    units: pl.DataFrame,
    files: KeptFiles,
    names: pl.DataFrame,
    *,
    before: KnownListing | None,
) -> str | None:
    """Keep a listing beside the one before; return its name, None if that has been damaged.

    Args:
        folder: where.
        units: of a `Listing`; those of `files` get digests of these.
        files: all files of the units that are news.
        names: of `unusual_names`, of all images.
        before: the listing that has the files of all other units.

    Raises:
        StoreError: the disk is full or cannot be written.
    """
    name, known = uuid.uuid4().hex, before.units if before else pl.DataFrame(schema=_KEPT_UNITS)
    news, known = files.units, _with_tables(known.filter(pl.col("files") > 0))
    staying = known.join(units.filter(pl.col("files") > 0), on=UNIT, how="semi")
    gone, staying = (
        known.join(staying, on=UNIT, how="anti"),
        staying.join(news, on=UNIT, how="anti"),
    )
    touched = pl.concat([news["table"], gone["table"]]).unique()
    placed = [staying.filter(~pl.col("table").is_in(touched.implode())).select(*UNIT, "file")]
    for table in touched.sort():
        kept = before.files_of(staying.filter(table=table)) if before else None
        if before and kept is None:
            return None
        rows = files.of(table) if kept is None else pl.concat([files.of(table), kept])
        file = f"files-{name}-{table:02}"
        _keep(folder / file, rows)
        placed.append(rows.select(UNIT).unique().with_columns(file=pl.lit(file)))
    _keep(folder / f"units-{name}", _placed(units, news, pl.concat(placed)))
    _keep(folder / f"names-{name}", names)
    return name


def _keep(path: Place, rows: pl.DataFrame) -> None:
    with writing(path):
        keep_rows(path, rows)


def delete_other_listings(folder: Place, name: str) -> None:
    """Delete all that the listing of that name does not need, but for what is being written.

    Raises:
        StoreError: something cannot be deleted.
    """
    listing = load_listing(folder, name)
    if listing is None:
        return
    needed = {*listing.units["file"].drop_nulls(), f"units-{name}", f"names-{name}"}
    with writing(folder):
        for path in folder.iterdir():
            if path.name not in needed and not path.name.startswith(TEMPORARY_PREFIX):
                path.unlink(missing_ok=True)
    delete_stale_temporaries(folder)


def untrusted(units: pl.DataFrame, where: pl.Expr, *, began_ns: int) -> pl.DataFrame:
    """Return units without the times of folders that are to be listed again.

    Args:
        units: in the columns of `UNITS`.
        where: which of them, besides those that were young when they were listed.
        began_ns: when that began, in nanoseconds since 1970.
    """
    is_young = pl.max_horizontal("mtime_ns", "ctime_ns") >= began_ns - RACY_NS
    states = zip(("mtime_ns", "ctime_ns"), UNKNOWN_STATE, strict=True)
    return units.with_columns(
        pl.when(is_young | where).then(unknown).otherwise(name).alias(name)
        for name, unknown in states
    )


def _placed(units: pl.DataFrame, news: pl.DataFrame, placed: pl.DataFrame) -> pl.DataFrame:
    """Return the units with the digests and files of what is kept of them."""
    told = news.select(*UNIT, pl.col("digest").alias("told"))
    return (
        units.join(told, on=UNIT, how="left")
        .with_columns(digest=pl.coalesce("told", "digest"))
        .join(placed, on=UNIT, how="left")
        .select(*_KEPT_UNITS)
    )


def _with_tables(units: pl.DataFrame) -> pl.DataFrame:
    """Return the units with the column `table`: which of the tables has their files."""
    names = units.select("folder", "part").iter_rows()
    tables = [zlib.crc32(folder + part.to_bytes(4)) % _TABLES for folder, part in names]
    return units.with_columns(pl.Series("table", tables, dtype=pl.UInt8))
