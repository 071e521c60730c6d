"""A walk over folders of a disk that have more in them than files."""

import errno
import hashlib
import os
import stat
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from capenh_pipeline.dataset.file_columns import Entry
from capenh_pipeline.dataset.layers import FolderLayers, Layers
from capenh_pipeline.dataset.walk import UNKNOWN_STATE, FolderState, Frames, Walk
from capenh_pipeline.domain.file_times import storable_ns
from capenh_pipeline.places.containers import is_container
from capenh_pipeline.places.place import name_in
from capenh_pipeline.places.source import Source


@dataclass
class LayeredWalk(Walk):
    """A walk that looks for `layers` too.

    The state of a member or of a text is its size and the times of the file that it is in, but for
    the mtime of a member of a tar, which is its own. That of a folder tells of all files that it is
    made from, so one that is trusted is listed again if any of them changes, goes or comes.
    """

    layers: Layers = field(kw_only=True)

    def empty(self, files: Frames) -> "LayeredWalk":
        """Return a walk over the same folder that has listed nothing."""
        known = self.known, self.trusted
        return LayeredWalk(self.root, self.skip, files, *known, layers=self.layers)

    def list_folder(self, folder: str) -> None:
        """Add the files of one folder (relative), and its sub-folders to `pending`."""
        root = Path(self.root)
        layers = self.layers.of_folder(root, folder)
        if not layers.sources:
            super().list_folder(folder)
            return
        self.states[folder], self.is_dangling = UNKNOWN_STATE, False
        try:
            with _opened(root / folder, may_be_missing=bool(layers.container)) as descriptor:
                state = _folder_state(layers.sources, descriptor)
                if not self._is_trusted(folder, state):
                    self._list_layers(folder, descriptor, layers)
                if not self.is_dangling:
                    self.states[folder] = state
        except OSError as error:
            self._warn("folder", folder, error)

    def _list_layers(self, folder: str, descriptor: int | None, layers: FolderLayers) -> None:
        images, texts = len(self._images.paths), len(self._texts.paths)
        try:
            if descriptor is not None:
                self._list(descriptor, layers.prefix)
            extra = layers.besides(self._images.paths[images:], self._texts.paths[texts:])
            self._images.extend(extra.images)
            self._texts.extend(extra.texts)
            self.pending += sorted(extra.folders.difference(self.pending))
            self.is_dangling |= bool(extra.faults) or not extra.is_whole
            for what, place, error in extra.faults:
                self._warn(what, name_in(Path(self.root), place), error)
        finally:
            self._end_folder(folder)

    def _add_other(self, entry: Entry, path: str) -> None:
        if not is_container(entry.name, self.layers.endings):
            super()._add_other(entry, path)
            return
        state = self._state(path.removesuffix(entry.name), entry)
        if state and stat.S_ISREG(state.st_mode):
            self._add_container(path)

    def _add_container(self, path: str) -> None:
        root, folder = Path(self.root), path.rpartition(".")[0]
        if fault := self.layers.after_another(root, path):
            self._leave_out(path, fault)
        elif (root / folder).is_symlink():
            self._leave_out(path, OSError(errno.ELOOP, f"{folder} is a link"))
        elif not (root / folder).is_dir():
            self.pending.append(folder)

    def _leave_out(self, path: str, error: OSError) -> None:
        """Warn of a file, and so whenever its folder is looked at."""
        self.is_dangling = True
        self._warn("file", path, error)


@contextmanager
def _opened(folder: Path, *, may_be_missing: bool) -> Generator[int | None]:
    """Yield an open folder, None if there is none of that name and that may be."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except (FileNotFoundError, NotADirectoryError):
        if not may_be_missing:
            raise
        yield None
        return
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _folder_state(sources: list[Source], descriptor: int | None) -> FolderState:
    """Return a state for a folder that is made from some files, too.

    One number is a digest of all their names and states, below those that are times. The other is
    the latest time of all, which tells whether anything may change again unseen.
    """
    times = [(source.state.mtime_ns, source.state.ctime_ns) for source in sources]
    if descriptor is not None:
        found = os.fstat(descriptor)
        times.append((storable_ns(found.st_mtime_ns), storable_ns(found.st_ctime_ns)))
    made_from = [(str(source.place), source.state) for source in sources], times
    digest = hashlib.blake2b(repr(made_from).encode(), digest_size=7).digest()
    return -2 - int.from_bytes(digest), max(map(max, times))
