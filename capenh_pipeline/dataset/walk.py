"""A walk over a folder tree: the image and text files in it, with their states."""

import os
import stat
import sys
from dataclasses import dataclass, field
from itertools import compress
from typing import NamedTuple

import polars as pl

from capenh_pipeline.domain.file_times import storable_ns
from capenh_pipeline.domain.paths import stored_path

EXTENSIONS = (
    *("jpg", "jpeg", "png", "webp", "bmp", "gif", "tif", "tiff", "avif"),
    *("heic", "heif", "jxl"),  # with a package that decodes them, see `extra_decoders`
)
"""What the name of an image ends in, in any letter case."""

TEXT_ENDING = ".txt"

_IMAGE_ENDINGS = frozenset(f".{extension}" for extension in EXTENSIONS)
_UNKNOWN = (-1, -1)

_Entry = os.DirEntry[str]
FolderState = tuple[int, int]
"""mtime and ctime of a folder, in nanoseconds."""


class KnownFolder(NamedTuple):
    """A folder as it was listed before.

    Attributes:
        state: its own, then.
        folders: its sub-folders (relative to the root, as it is).
    """

    state: FolderState
    folders: list[str]


@dataclass
class Files:
    """Columns of files, which grow folder by folder; a path is as `os.fsdecode` returns it."""

    paths: list[str] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    mtimes: list[int] = field(default_factory=list)
    ctimes: list[int] = field(default_factory=list)

    def add(self, prefix: str, entries: list[_Entry], found: list[os.stat_result]) -> None:
        """Add files of the folder `prefix`, with their states."""
        self.paths += [prefix + entry.name for entry in entries]
        self.sizes += [state.st_size for state in found]
        self.mtimes += [state.st_mtime_ns for state in found]
        self.ctimes += [state.st_ctime_ns for state in found]

    def add_unknown(self, path: str) -> None:
        """Add a file whose state cannot be told, so that it is never found unchanged."""
        self.paths.append(path)
        for column, value in ((self.sizes, -1), (self.mtimes, 0), (self.ctimes, 0)):
            column.append(value)

    def frame(self) -> pl.DataFrame:
        """Return the files, a row each."""
        return pl.DataFrame(
            {
                **_path_columns(self.paths),
                "size_bytes": _int64(self.sizes),
                "mtime_ns": _int64(self.mtimes),
                "ctime_ns": _int64(self.ctimes),
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


def folder_of(path: str, path_bytes: bytes | None) -> bytes:
    """Return the folder of a file (relative, empty is the root), given as two columns."""
    content = path.encode() if path_bytes is None else path_bytes
    return content.rpartition(b"/")[0]


def _is_text(paths: list[str]) -> bool:
    """Return whether no path has a lone surrogate, which stands for a byte that is not UTF-8."""
    try:
        "".join(paths).encode()
    except UnicodeEncodeError:
        return False
    return True


@dataclass
class Walk:
    """A walk over the folder `root`; there may be millions of files, so a folder is one step.

    Attributes:
        skip: folders that are left out.
        known: folders (relative) that need not be listed again as long as they are the same.
        pending: sub-folders (relative) that were seen and not listed yet.
        states: of all folders so far. One that cannot be listed has a state that no folder has, as
            has one with a name that leads nowhere: what is there later shows in no time of its own.
        same: folders that were not listed, because they are the same.
    """

    root: str
    skip: set[str]
    known: dict[str, KnownFolder] = field(default_factory=dict)
    pending: list[str] = field(default_factory=list)
    states: dict[str, FolderState] = field(default_factory=dict)
    same: list[str] = field(default_factory=list)
    images: Files = field(default_factory=Files)
    texts: Files = field(default_factory=Files)
    warnings: list[str] = field(default_factory=list)
    is_dangling: bool = False  # whether the folder at hand has a name that leads nowhere

    def list_folder(self, folder: str) -> None:
        """Add the files of one folder (relative), and its sub-folders to `pending`."""
        self.states[folder], self.is_dangling = _UNKNOWN, False
        try:
            # From an open folder, the state of a file is found without its whole path.
            descriptor = os.open(f"{self.root}/{folder}", os.O_RDONLY | os.O_DIRECTORY)
            try:
                found = os.fstat(descriptor)
                state = (storable_ns(found.st_mtime_ns), storable_ns(found.st_ctime_ns))
                if folder in self.known and self.known[folder].state == state:
                    self.same.append(folder)
                    self.pending += self.known[folder].folders
                else:
                    self._list(descriptor, f"{folder}/" if folder else "")
                if not self.is_dangling:
                    self.states[folder] = state
            finally:
                os.close(descriptor)
        except OSError as error:
            self._warn("folder", folder, error)

    def distinct(self, files: pl.DataFrame) -> pl.DataFrame:
        """Return files in path order; where two paths print alike, only one, with a warning."""
        files = files.sort("path", "path_bytes", nulls_last=False)
        if files["path_bytes"].null_count() == files.height:
            return files
        alike = files.filter(pl.col("path").is_duplicated()).select("path", "path_bytes")
        if alike.is_empty():
            return files
        clash = alike["path"][0]
        self.warnings.append(f"Two file names print as {clash}; rename one, only one is used.")
        for path in alike.iter_rows():  # the one that is left out is to be found next time
            self.states[os.fsdecode(folder_of(*path))] = _UNKNOWN
        return files.unique("path", keep="first", maintain_order=True)

    def _list(self, descriptor: int, prefix: str) -> None:
        images: list[_Entry] = []
        texts: list[_Entry] = []
        with os.scandir(descriptor) as found:
            for entry in found:
                name = entry.name
                ending = name[name.rfind(".") :].lower()
                if name.startswith("."):
                    continue
                if ending == TEXT_ENDING:
                    texts.append(entry)
                elif ending in _IMAGE_ENDINGS:
                    images.append(entry)
                if not entry.is_file(follow_symlinks=False):
                    self._add_folder(entry, prefix + name)
        self._add_images(prefix, images)
        self._add_texts(prefix, texts)

    def _add_folder(self, entry: _Entry, path: str) -> None:
        is_folder = entry.is_dir(follow_symlinks=False)
        if is_folder and f"{self.root}/{path}" not in self.skip:
            self.pending.append(path)

    def _add_images(self, prefix: str, entries: list[_Entry]) -> None:
        """Add the regular files among `entries`, and links to such."""
        try:
            found = [entry.stat() for entry in entries]
        except OSError:
            states = [(entry, self._state(prefix, entry)) for entry in entries]
            entries = [entry for entry, state in states if state]
            found = [state for _, state in states if state]
        if not all(map(stat.S_ISREG, {state.st_mode for state in found})):
            is_file = [stat.S_ISREG(state.st_mode) for state in found]
            entries, found = [*compress(entries, is_file)], [*compress(found, is_file)]
        self.images.add(prefix, entries, found)

    def _add_texts(self, prefix: str, entries: list[_Entry]) -> None:
        """Add what is there of `entries`, whatever it is: reading it will say what is wrong."""
        try:
            self.texts.add(prefix, entries, [entry.stat() for entry in entries])
        except OSError:
            for entry in entries:
                self._add_text(prefix, entry)

    def _add_text(self, prefix: str, entry: _Entry) -> None:
        try:
            self.texts.add(prefix, [entry], [entry.stat()])
        except FileNotFoundError:  # a broken link, or a file that has just gone
            self.is_dangling = True
        except OSError:
            self.is_dangling = True
            self.texts.add_unknown(prefix + entry.name)

    def _state(self, prefix: str, entry: _Entry) -> os.stat_result | None:
        try:
            return entry.stat()
        except PermissionError as error:
            if not entry.is_symlink():  # the whole folder can be listed, but not entered
                raise
            self._warn("file", prefix + entry.name, error)
        except OSError:  # a broken link, a loop of links, or a file that has just gone
            pass
        self.is_dangling = True
        return None

    def _warn(self, what: str, path: str, error: OSError) -> None:
        name = stored_path(os.fsencode(path))[0] or "."
        self.warnings.append(f"The {what} {name} was skipped: {error.strerror}.")
