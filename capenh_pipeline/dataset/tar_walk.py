"""A walk that goes into tar files: `x.tar` is what is in the folder `x`, beside what really is."""

import os
from collections import defaultdict
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from capenh_pipeline.dataset.file_columns import Entry, Files
from capenh_pipeline.dataset.walk import (
    TEXT_ENDING,
    UNKNOWN_STATE,
    FolderState,
    Frames,
    Walk,
    is_image_name,
)
from capenh_pipeline.domain.file_times import storable_ns
from capenh_pipeline.places.file_state import FileState
from capenh_pipeline.places.tar_members import TAR_ENDING, Member, members, tar_of


class TarWalk(Walk):
    """A walk in which a tar is a folder.

    The state of a member is its size and the times of its tar. A folder that a tar is read as has
    the times of both, whichever are later, so one that is trusted is listed again if either
    changes.
    """

    def empty(self, files: Frames) -> "TarWalk":
        """Return a walk over the same folder that has listed nothing."""
        return TarWalk(self.root, self.skip, files, self.known, self.trusted)

    def list_folder(self, folder: str) -> None:
        """Add the files of one folder (relative), and its sub-folders to `pending`."""
        found = tar_of(Path(self.root), folder)
        if found is None:
            super().list_folder(folder)
            return
        self.states[folder], self.is_dangling = UNKNOWN_STATE, False
        try:
            with _opened(Path(self.root) / folder) as descriptor:
                state = _times(found[0].stat(), descriptor)
                if not self._is_trusted(folder, state):
                    self._list_both(folder, *found, descriptor)
                if not self.is_dangling:
                    self.states[folder] = state
        except OSError as error:
            self._warn("folder", folder, error)

    def _list_both(self, folder: str, tar: Path, inside: str, descriptor: int | None) -> None:
        """Add what is in a folder, and the members of a tar that none of that hides."""
        pending, images, texts = len(self.pending), self._images.paths, self._texts.paths
        first = len(images), len(texts)
        try:
            if descriptor is not None:
                self._list(descriptor, f"{folder}/")
            hidden = {*images[first[0] :], *texts[first[1] :]}
            found = self._members(tar, inside)
            for path, state in found.files(f"{folder}/"):
                if path not in hidden:
                    self._files_for(path).add_state(path, state)
            inner = {f"{folder}/{name}" for name in found.folders}
            self.pending += sorted(inner.difference(self.pending[pending:]))
        finally:
            self._end_folder(folder)

    def _members(self, tar: Path, inside: str) -> "_TarFolder":
        found = tar.stat()
        folders, fault = _folders_of(tar, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
        if fault and not inside:
            self._warn("rest of", tar.relative_to(self.root).as_posix(), fault)
        return folders.get(inside) or _TarFolder((0, 0))

    def _files_for(self, path: str) -> Files:
        return self._texts if path.lower().endswith(TEXT_ENDING) else self._images

    def _add_tar(self, entry: Entry, path: str) -> None:
        folder = path.removesuffix(TAR_ENDING)
        if entry.is_file() and not (Path(self.root) / folder).is_dir():
            self.pending.append(folder)


@dataclass
class _TarFolder:
    """What is in one folder of a tar.

    Attributes:
        times: of the tar, mtime and ctime in nanoseconds.
        sizes: of its images and texts by name, in bytes.
        folders: the names of its sub-folders.
    """

    times: tuple[int, int]
    sizes: dict[str, int] = field(default_factory=dict)
    folders: set[str] = field(default_factory=set)

    def files(self, prefix: str) -> Iterator[tuple[str, FileState]]:
        """Yield paths and states."""
        for name, size in self.sizes.items():
            yield prefix + name, FileState(size, *self.times, is_regular=True)


@lru_cache(2)  # its folders are listed one after the other
def _folders_of(
    tar: Path, size: int, mtime_ns: int, ctime_ns: int
) -> tuple[dict[str, _TarFolder], OSError | None]:
    """Return the folders of a tar of that state by their paths in it, and what cut it short."""
    del size
    folders: defaultdict[str, _TarFolder] = defaultdict(
        lambda: _TarFolder((storable_ns(mtime_ns), storable_ns(ctime_ns)))
    )
    try:
        for member in members(tar):
            _add_member(folders, member)
    except OSError as error:
        return dict(folders), error
    return dict(folders), None


def _add_member(folders: dict[str, _TarFolder], member: Member) -> None:
    folder, _, name = member.name.rpartition("/")
    if not (name.lower().endswith(TEXT_ENDING) or is_image_name(name)):
        return
    folders[folder].sizes[name] = member.size
    while folder:
        folder, _, name = folder.rpartition("/")
        folders[folder].folders.add(name)


@contextmanager
def _opened(folder: Path) -> Generator[int | None]:
    """Yield an open folder, None if there is none of that name."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except (FileNotFoundError, NotADirectoryError):
        yield None
        return
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _times(tar: os.stat_result, descriptor: int | None) -> FolderState:
    found = [tar] if descriptor is None else [tar, os.fstat(descriptor)]
    mtime_ns, ctime_ns = (
        max(one.st_mtime_ns for one in found),
        max(one.st_ctime_ns for one in found),
    )
    return storable_ns(mtime_ns), storable_ns(ctime_ns)
