"""A walk over a folder tree: the image and text files in it, with their states."""

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import compress
from typing import NamedTuple, Protocol

import polars as pl

from capenh_pipeline.dataset.file_columns import Entry, Files
from capenh_pipeline.dataset.units import changed_folders, digests, with_units
from capenh_pipeline.domain.file_times import storable_ns
from capenh_pipeline.domain.paths import stored_path
from capenh_pipeline.places.containers import TABLES, TARS, is_container

EXTENSIONS = (
    *("jpg", "jpeg", "png", "webp", "bmp", "gif", "tif", "tiff", "avif"),
    *("heic", "heif", "jxl"),  # with a package that decodes them, see `extra_decoders`
)
"""What the name of an image ends in, in any letter case."""

TEXT_ENDING = ".txt"

_IMAGE_ENDINGS = frozenset(f".{extension}" for extension in EXTENSIONS)
_SHORT_ENDINGS = {e for e in (TEXT_ENDING, *_IMAGE_ENDINGS) if len(e) == 4}  # most names have one


def is_image_name(name: str) -> bool:
    """Return whether a file is taken for an image, by its name."""
    return name[name.rfind(".") :].lower() in _IMAGE_ENDINGS


FolderState = tuple[int, int]
"""mtime and ctime of a folder, in nanoseconds."""

UNKNOWN_STATE: FolderState = (-1, -1)
"""The state of a folder that is never found the same."""


BATCH_FILES = 20_000
"""Files, at least, that are compared with what is known of them at once."""


class KnownFolder(NamedTuple):
    """A folder as it was listed before.

    Attributes:
        state: its own, then.
        folders: its sub-folders (relative to the root, as it is).
    """

    state: FolderState
    folders: list[str]


class Frames(Protocol):
    """Takes frames: a list, or what keeps their rows elsewhere."""

    def append(self, frame: pl.DataFrame, /) -> None:
        """Take one."""
        ...


@dataclass
class Walk:
    """A walk over the folder `root`; there may be millions of files, so a folder is one step.

    Attributes:
        skip: folders that are left out.
        files: takes frames of the files of some folders, in the columns of a `Listing`.
        known: units as they were before: the files of a folder that is the same are not kept.
        trusted: folders (relative) that need not be listed again as long as they are the same.
        pending: sub-folders (relative) that were seen and not listed yet.
        states: of all folders so far. One that cannot be listed has a state that no folder has, as
            has one with a name that leads nowhere: what is there later shows in no time of its own.
        same: folders that were not listed, because they are the same.
        units: frames in the columns of `digests`.
    """

    root: str
    skip: set[str]
    files: Frames
    known: pl.DataFrame | None = None
    trusted: dict[str, KnownFolder] = field(default_factory=dict)
    pending: list[str] = field(default_factory=list)
    states: dict[str, FolderState] = field(default_factory=dict)
    same: set[str] = field(default_factory=set)
    units: list[pl.DataFrame] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    is_dangling: bool = False  # whether a name in the folder at hand leads nowhere, or is unread
    unread: str = ""  # a file that might be read as a folder, if there is one

    def __post_init__(self) -> None:
        self._begin_batch()

    def go_on(self) -> None:
        """List some of the folders that are `pending`."""
        self.list_folder(self.pending.pop())

    def list_folder(self, folder: str) -> None:
        """Add the files of one folder (relative), and its sub-folders to `pending`."""
        self.states[folder], self.is_dangling = UNKNOWN_STATE, False
        try:
            # From an open folder, the state of a file is found without its whole path.
            descriptor = os.open(f"{self.root}/{folder}", os.O_RDONLY | os.O_DIRECTORY)
            try:
                found = os.fstat(descriptor)
                state = (storable_ns(found.st_mtime_ns), storable_ns(found.st_ctime_ns))
                if not self._is_trusted(folder, state):
                    self._list_into_batch(descriptor, folder)
                if not self.is_dangling:
                    self.states[folder] = state
            finally:
                os.close(descriptor)
        except OSError as error:
            self._warn("folder", folder, error)

    def _is_trusted(self, folder: str, state: FolderState) -> bool:
        """Return whether a folder need not be listed, and go on with its sub-folders if so."""
        if folder not in self.trusted or self.trusted[folder].state != state:
            return False
        self.same.add(folder)
        self.pending += self.trusted[folder].folders
        return True

    def list_again(self, folder: str) -> None:
        """Add the files of a folder that is the same: its own times tell of no edit in place."""
        del self.trusted[folder]
        self.same.remove(folder)
        self.list_folder(folder)
        self.pending = [one for one in self.pending if one not in self.states]

    def end_batch(self) -> None:
        """Compare the files of the last folders with what is known, and keep what is news."""
        folders = pl.Series([os.fsencode(folder) for folder in self._folders], dtype=pl.Binary)
        kinds = (self._images, True), (self._texts, False)
        frames = [one.frame(folders).with_columns(is_image=kind) for one, kind in kinds]
        files = with_units(pl.concat(frames))
        self._begin_batch()
        found = digests(files)
        self.units.append(found)
        if self.known is not None:
            news = changed_folders(found, self.known).implode()
            files = files.filter(pl.col("folder").is_in(news))
        if files.height:
            self.files.append(files)

    @property
    def has_images(self) -> bool:
        """Whether any image was found so far."""
        return bool(self._images.paths) or any(found["images"].sum() for found in self.units)

    def empty(self, files: Frames) -> "Walk":
        """Return a walk over the same folder that has listed nothing."""
        return Walk(self.root, self.skip, files, self.known, self.trusted)

    def add(self, other: "Walk") -> None:
        """Add what another walk over the same folder has found, but for its files."""
        self.states |= other.states
        self.same |= other.same
        self.units += other.units
        self.warnings += other.warnings

    def note_alike(self, files: Iterable[pl.DataFrame]) -> None:
        """Warn of files whose paths print alike, of which only one is used.

        Args:
            files: frames of whole folders, each with all of these whose names print alike.
        """
        is_alike = pl.col("path").is_duplicated()
        found = [some.filter(is_alike).select("path", "folder") for some in files]
        alike = pl.concat(found).sort("path")
        if alike.is_empty():
            return
        clash = alike["path"][0]
        self.warnings.append(f"Two file names print as {clash}; rename one, only one is used.")
        for folder in alike["folder"]:  # the one that is left out is to be found next time
            self.states[os.fsdecode(folder)] = UNKNOWN_STATE

    def _begin_batch(self) -> None:
        self._folders: list[str] = []
        self._images, self._texts = Files(), Files()

    def _list_into_batch(self, descriptor: int, folder: str) -> None:
        try:
            self._list(descriptor, f"{folder}/" if folder else "")
        finally:
            self._end_folder(folder)

    def _end_folder(self, folder: str) -> None:
        self._folders.append(folder)
        self._images.end_folder()
        self._texts.end_folder()
        if len(self._images.paths) + len(self._texts.paths) >= BATCH_FILES:
            self.end_batch()

    def _list(self, descriptor: int, prefix: str) -> None:
        images: list[Entry] = []
        texts: list[Entry] = []
        with os.scandir(descriptor) as found:
            for entry in found:
                name = entry.name
                if name[0] == ".":
                    continue
                ending = name[-4:]
                if ending not in _SHORT_ENDINGS:
                    ending = name[name.rfind(".") :].lower()
                if ending == TEXT_ENDING:
                    texts.append(entry)
                elif ending in _IMAGE_ENDINGS:
                    images.append(entry)
                else:
                    self._add_other(entry, prefix + name)
                if not entry.is_file(follow_symlinks=False):
                    self._add_folder(entry, prefix + name)
        self._add_images(prefix, images)
        self._add_texts(prefix, texts)

    def _add_other(self, entry: Entry, path: str) -> None:
        """Note what might be read as a folder; see `LayeredWalk`."""
        if not self.unread and is_container(entry.name, (*TARS, *TABLES)):
            self.unread = path

    def _add_folder(self, entry: Entry, path: str) -> None:
        is_folder = entry.is_dir(follow_symlinks=False)
        if is_folder and f"{self.root}/{path}" not in self.skip:
            self.pending.append(path)

    def _add_images(self, prefix: str, entries: list[Entry]) -> None:
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
        self._images.add(prefix, entries, found)

    def _add_texts(self, prefix: str, entries: list[Entry]) -> None:
        """Add what is there of `entries`, whatever it is: reading it will say what is wrong."""
        try:
            self._texts.add(prefix, entries, [entry.stat() for entry in entries])
        except OSError:
            for entry in entries:
                self._add_text(prefix, entry)

    def _add_text(self, prefix: str, entry: Entry) -> None:
        try:
            self._texts.add(prefix, [entry], [entry.stat()])
        except FileNotFoundError:  # a broken link, or a file that has just gone
            self.is_dangling = True
        except OSError:
            self.is_dangling = True
            self._texts.add_unknown(prefix + entry.name)

    def _state(self, prefix: str, entry: Entry) -> os.stat_result | None:
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
