"""A walk over folders that have more in them than files: what is in files, texts of metadata.

`x.tar` and `x.parquet` are what is in the folder `x`, and a row of `metadata.jsonl` is a text file
beside its image. What is really there hides both.
"""

import errno
import os
from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from capenh_pipeline.dataset.container_folders import Folder, folders_of
from capenh_pipeline.dataset.file_columns import Entry, Files
from capenh_pipeline.dataset.walk import TEXT_ENDING, UNKNOWN_STATE, FolderState, Frames, Walk
from capenh_pipeline.domain.file_times import storable_ns
from capenh_pipeline.places.containers import TABLES, TARS, container_of, is_container
from capenh_pipeline.places.file_state import FileState
from capenh_pipeline.places.metadata_texts import metadata_of, text_name, texts_in
from capenh_pipeline.places.place import Place


@dataclass(frozen=True)
class Layers:
    """What is looked for besides files.

    Attributes:
        tars: whether a tar is read as a folder.
        tables: whether a table of images is.
        metadata: whether metadata files have texts of images.
        kept: where lists are kept of what is in such files; see `folders_of`.
    """

    tars: bool = False
    tables: bool = False
    metadata: bool = False
    kept: Place | None = None

    @property
    def endings(self) -> tuple[str, ...]:
        """Of the names of files that are read as folders."""
        return (*(TARS if self.tars else ()), *(TABLES if self.tables else ()))

    @property
    def is_any(self) -> bool:
        """Whether anything is looked for."""
        return self.tars or self.tables or self.metadata


@dataclass
class LayeredWalk(Walk):
    """A walk that looks for `layers` too.

    The state of a member or of a text is its size and the times of the file that it is in, but for
    the mtime of a member of a tar, which is its own. A folder has the times of all files that it is
    made from, whichever are latest, so one that is trusted is listed again if any of them changes.
    """

    layers: Layers = field(kw_only=True)

    def empty(self, files: Frames) -> "LayeredWalk":
        """Return a walk over the same folder that has listed nothing."""
        known = self.known, self.trusted
        return LayeredWalk(self.root, self.skip, files, *known, layers=self.layers)

    def list_folder(self, folder: str) -> None:
        """Add the files of one folder (relative), and its sub-folders to `pending`."""
        root = Path(self.root)
        container = container_of(root, folder, self.layers.endings)
        metadata = [*metadata_of(root, folder)] if self.layers.metadata else []
        if container is None and not metadata:
            super().list_folder(folder)
            return
        self.states[folder], self.is_dangling = UNKNOWN_STATE, False
        try:
            with _opened(root / folder, may_be_missing=container is not None) as descriptor:
                others = [*([container[0]] if container else []), *(path for path, _ in metadata)]
                state = _latest([path.stat() for path in others], descriptor)
                if not self._is_trusted(folder, state):
                    self._list_layers(folder, descriptor, container, metadata)
                if not self.is_dangling:
                    self.states[folder] = state
        except OSError as error:
            self._warn("folder", folder, error)

    def _list_layers(
        self,
        folder: str,
        descriptor: int | None,
        container: tuple[Path, str] | None,
        metadata: Sequence[tuple[Path, str]],
    ) -> None:
        prefix = f"{folder}/" if folder else ""
        first = len(self._images.paths), len(self._texts.paths)
        try:
            if descriptor is not None:
                self._list(descriptor, prefix)
            if container is not None:
                hidden = {*self._images.paths[first[0] :], *self._texts.paths[first[1] :]}
                self._add_members(prefix, *container, hidden)
            for path, inside in metadata:
                images = self._images.paths[first[0] :]
                self._add_texts_of(path, prefix, inside, images, {*self._texts.paths[first[1] :]})
        finally:
            self._end_folder(folder)

    def _add_members(self, prefix: str, container: Path, inside: str, hidden: set[str]) -> None:
        folders, fault = folders_of(container, self.layers.kept)
        if fault and not inside:
            self._warn("rest of", container.relative_to(self.root).as_posix(), fault)
        found = folders.get(inside) or Folder()
        for path, state in found.files(prefix):
            if path not in hidden:
                self._files_for(path).add_state(path, state)
        inner = {prefix + name for name in found.folders}
        self.pending += sorted(inner.difference(self.pending))

    def _add_texts_of(
        self, metadata: Path, prefix: str, inside: str, images: Sequence[str], hidden: set[str]
    ) -> None:
        """Add the texts of a folder's images that a metadata file has and no file hides."""
        times, texts = _latest([metadata.stat()], None), self._texts_of(metadata, inside)
        stems = Counter(image.rpartition(".")[0] for image in images)
        for image in images:
            name = inside + image.removeprefix(prefix)
            if name in texts:
                path = text_name(image, is_alone=stems[image.rpartition(".")[0]] == 1)
                if path not in hidden:
                    size = len(texts[name].encode())
                    self._texts.add_state(path, FileState(size, *times, is_regular=True))

    def _texts_of(self, metadata: Path, inside: str) -> dict[str, str]:
        """Return the texts of a metadata file; in its own folder, warn of what is wrong with it."""
        what, texts, fault = "file", {}, None
        try:
            texts, broken = texts_in(metadata)
        except OSError as error:
            fault = error
        else:
            if broken:
                line, reason = broken[0]
                more = f"; so were {len(broken) - 1} others" if len(broken) > 1 else ""
                what, fault = f"line {line} of", OSError(errno.EIO, reason + more)
        if fault and not inside:
            self._warn(what, metadata.relative_to(self.root).as_posix(), fault)
        return texts

    def _files_for(self, path: str) -> Files:
        return self._texts if path.lower().endswith(TEXT_ENDING) else self._images

    def _add_other(self, entry: Entry, path: str) -> None:
        endings, root = self.layers.endings, Path(self.root)
        if not (is_container(entry.name, endings) and entry.is_file()):
            return
        folder = path.rpartition(".")[0]
        first = container_of(root, folder, endings)
        if first and first[0] != root / path:
            self._warn("file", path, OSError(errno.EEXIST, f"{first[0].name} is read as {folder}"))
        elif not (root / folder).is_dir():
            self.pending.append(folder)


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


def _latest(found: list[os.stat_result], descriptor: int | None) -> FolderState:
    """Return the latest mtime and ctime of some files and a folder."""
    if descriptor is not None:
        found = [*found, os.fstat(descriptor)]
    mtime_ns = max(one.st_mtime_ns for one in found)
    return storable_ns(mtime_ns), storable_ns(max(one.st_ctime_ns for one in found))
