"""Files as columns, which a walk over a folder tree fills."""

import os
import sys
from dataclasses import dataclass, field
from typing import Self

import polars as pl

from capenh_pipeline.domain.file_times import storable_ns
from capenh_pipeline.domain.paths import stored_path
from capenh_pipeline.places.file_state import FileState

Entry = os.DirEntry[str]


@dataclass
class Files:
    """Columns of files, which grow folder by folder; a path is as `os.fsdecode` returns it."""

    paths: list[str] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    mtimes: list[int] = field(default_factory=list)
    ctimes: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)  # how many files there were after each folder

    def add(self, prefix: str, entries: list[Entry], found: list[os.stat_result]) -> None:
        """Add files of the folder `prefix`, with their states."""
        self.paths += [prefix + entry.name for entry in entries]
        self.sizes += [state.st_size for state in found]
        self.mtimes += [state.st_mtime_ns for state in found]
        self.ctimes += [state.st_ctime_ns for state in found]

    def add_state(self, path: str, state: FileState) -> None:
        """Add a file with its state."""
        self.paths.append(path)
        self.sizes.append(state.size_bytes)
        self.mtimes.append(state.mtime_ns)
        self.ctimes.append(state.ctime_ns)

    def extend(self, other: Self) -> None:
        """Add all files of another one."""
        self.paths += other.paths
        self.sizes += other.sizes
        self.mtimes += other.mtimes
        self.ctimes += other.ctimes

    def add_unknown(self, path: str) -> None:
        """Add a file whose state cannot be told, so that it is never found unchanged."""
        self.paths.append(path)
        for column, value in ((self.sizes, -1), (self.mtimes, 0), (self.ctimes, 0)):
            column.append(value)

    def end_folder(self) -> None:
        """Note that the next files are of another folder."""
        self.ends.append(len(self.paths))

    def frame(self, folders: pl.Series) -> pl.DataFrame:
        """Return the files, a row each, with the column `folder`.

        Args:
            folders: as many as have ended, in that order.
        """
        counts = pl.Series(self.ends, dtype=pl.UInt32).diff(null_behavior="ignore")
        counts = counts.fill_null(self.ends[0]) if self.ends else counts
        return pl.DataFrame(
            {
                **_path_columns(self.paths),
                "size_bytes": _int64(self.sizes),
                "mtime_ns": _int64(self.mtimes),
                "ctime_ns": _int64(self.ctimes),
                "folder": folders.repeat_by(counts).explode().drop_nulls(),
            }
        )


def _int64(values: list[int]) -> pl.Series:
    try:
        return pl.Series(values, dtype=pl.Int64)
    except TypeError:
        return pl.Series([storable_ns(value) for value in values], dtype=pl.Int64)


def _path_columns(paths: list[str]) -> dict[str, pl.Series]:
    contents: list[bytes | None] = [None] * len(paths)
    texts = paths
    if sys.getfilesystemencoding() != "utf-8" or not _is_text(paths):
        stored = [stored_path(os.fsencode(path)) for path in paths]
        texts, contents = [text for text, _ in stored], [content for _, content in stored]
    return {
        "path": pl.Series(texts, dtype=pl.String),
        "path_bytes": pl.Series(contents, dtype=pl.Binary),
    }


def _is_text(paths: list[str]) -> bool:
    """Return whether no path has a lone surrogate, which stands for a byte that is not UTF-8."""
    try:
        "".join(paths).encode()
    except UnicodeEncodeError:
        return False
    return True
