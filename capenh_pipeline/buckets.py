"""Rows in buckets, which are read back bucket by bucket, so that memory does not grow with them."""

import io
import tempfile
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

import polars as pl

from capenh_pipeline.errors import StoreError

MOST_ROWS = 50_000
"""Rows that are held in memory, and that are read back together."""

_FOLDER_BUCKETS = 64

_Schema = Mapping[str, pl.DataType | type[pl.DataType]]


class Buckets:
    """Rows of one schema, each in one of some buckets.

    Few are kept in memory; when there are more, all go to a file without a name, of which nothing
    is left whatever becomes of the process.

    Attributes:
        rows: how many there are, by bucket.
    """

    def __init__(self, schema: _Schema, count: int, *, folder: Path | None = None) -> None:
        """Begin without rows.

        Args:
            schema: columns of the rows.
            count: of the buckets.
            folder: on whose disk they may lie; None is where the system has such files.
        """
        self.rows = [0] * count
        self._schema = dict(schema)
        self._folder = folder
        self._held: list[pl.DataFrame] = []
        self._file: IO[bytes] | None = None
        self._places: list[list[tuple[int, int]]] = [[] for _ in range(count)]

    def add(self, rows: pl.DataFrame, buckets: pl.Series) -> None:
        """Take rows; those of one bucket come back in the order in which they were added.

        Args:
            rows: in the columns of the schema, and maybe others.
            buckets: the number of each row's bucket.

        Raises:
            StoreError: the disk is full or cannot be written.
        """
        for bucket, count in buckets.value_counts().iter_rows():
            self.rows[bucket] += count
        numbered = rows.select(*self._schema).with_columns(bucket=buckets.cast(pl.UInt32))
        self._held.append(numbered)
        if sum(frame.height for frame in self._held) > MOST_ROWS:
            self._spill()

    def read(self, buckets: Sequence[int] | None = None) -> pl.DataFrame:
        """Return the rows of some buckets, None for all of them.

        Raises:
            StoreError: the disk cannot be read.
        """
        wanted = range(len(self.rows)) if buckets is None else buckets
        is_wanted = pl.col("bucket").is_in([*wanted])
        held = [frame.filter(is_wanted).drop("bucket") for frame in self._held]
        spilled = [frame for bucket in wanted for frame in self._spilled(bucket)]
        return pl.concat([pl.DataFrame(schema=self._schema), *spilled, *held])

    def _spill(self) -> None:
        held, self._held = pl.concat(self._held), []
        try:
            file = self._opened()
            for (bucket,), rows in held.group_by("bucket", maintain_order=True):
                content = io.BytesIO()
                rows.drop("bucket").write_ipc(content, compression="lz4")
                place = file.seek(0, io.SEEK_END)
                self._places[int(str(bucket))].append((place, file.write(content.getbuffer())))
            file.flush()
        except OSError as error:
            raise self._complaint("written", error) from error

    def _spilled(self, bucket: int) -> Iterator[pl.DataFrame]:
        for place, size in self._places[bucket]:
            try:
                file = self._opened()
                file.seek(place)
                content = file.read(size)
            except OSError as error:
                raise self._complaint("read", error) from error
            yield pl.read_ipc(content)

    def _opened(self) -> IO[bytes]:
        if self._file is None:
            self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115  # lives as we do
            weakref.finalize(self, _close, self._file)
        return self._file

    def _complaint(self, verb: str, error: OSError) -> StoreError:
        folder = self._folder or tempfile.gettempdir()
        return StoreError(
            f"Temporary files cannot be {verb} in {folder}: {error.strerror}; free some space, "
            "or allow writing there."
        )


def _close(file: IO[bytes]) -> None:
    """Close a file that nobody reads any more; a full disk is not heard of once more."""
    with suppress(OSError):
        file.close()


class FolderBuckets(Buckets):
    """Rows about files, with the column `path`: those of one folder are in one bucket."""

    def __init__(self, schema: _Schema, *, folder: Path | None = None) -> None:
        """Begin without rows, as `Buckets` does."""
        super().__init__(schema, _FOLDER_BUCKETS, folder=folder)

    def append(self, rows: pl.DataFrame) -> None:
        """Take rows; see `add`."""
        self.add(rows, _buckets_of(rows["path"]))

    def beside(self, paths: pl.Series) -> pl.DataFrame:
        """Return the rows of the buckets of some paths: of their folders, and maybe others."""
        return self.read(_buckets_of(paths).unique().to_list())


def _buckets_of(paths: pl.Series) -> pl.Series:
    folders = paths.str.replace(r"[^/]*$", "")
    return folders.hash(0) % _FOLDER_BUCKETS


def together(*sources: Buckets) -> list[list[int]]:
    """Return the buckets of some sources, which have equally many, in groups of not too many rows.

    A bucket of too many rows is a group with empty ones alone.
    """
    groups: list[list[int]] = [[]]
    room = MOST_ROWS
    for bucket, counts in enumerate(zip(*(source.rows for source in sources), strict=True)):
        if room < MOST_ROWS and sum(counts) > max(room, 0):
            groups.append([])
            room = MOST_ROWS
        groups[-1].append(bucket)
        room -= sum(counts)
    return groups
