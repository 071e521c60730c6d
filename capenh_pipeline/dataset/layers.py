"""What folders have in them besides files: what is in files, and texts of metadata files.

`x.tar` and `x.parquet` are what is in the folder `x`, and a row of `metadata.jsonl` is a text file
beside its image. What is really there hides both.
"""

import errno
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from capenh_pipeline.dataset.container_folders import Folder, folders_of
from capenh_pipeline.dataset.file_columns import Files
from capenh_pipeline.dataset.walk import TEXT_ENDING
from capenh_pipeline.places.containers import TABLES, TARS, container_of, is_container
from capenh_pipeline.places.file_state import FileState
from capenh_pipeline.places.metadata_rows import NAMES
from capenh_pipeline.places.metadata_texts import metadata_of, text_name, texts_in
from capenh_pipeline.places.object_client import ObjectError
from capenh_pipeline.places.place import Place
from capenh_pipeline.places.source import Source


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

    def is_source(self, name: str) -> bool:
        """Return whether something is looked for in a file, by its name."""
        return is_container(name, self.endings) or (self.metadata and name in NAMES)

    def after_another(self, root: Place, path: str) -> OSError | None:
        """Return why a file is not read as a folder, None if it is: of several the first is.

        Args:
            root: the dataset's.
            path: of the file, relative to it.
        """
        folder = path.rpartition(".")[0]
        first = container_of(root, folder, self.endings)
        if first is None or first[0].place == root / path:
            return None
        return OSError(errno.EEXIST, f"{first[0].place.name} is read as {folder}")

    def of_folder(self, root: Place, folder: str) -> "FolderLayers":
        """Return what a folder has besides files.

        Args:
            root: the dataset's.
            folder: relative to it.
        """
        container = container_of(root, folder, self.endings)
        metadata = [*metadata_of(root, folder)] if self.metadata else []
        return FolderLayers(f"{folder}/" if folder else "", container, metadata, self.kept)


class Fault(NamedTuple):
    """A part that was skipped: what it is, of which file, and why."""

    what: str
    place: Place
    error: OSError


@dataclass
class Extra:
    """What a folder has besides the files that are there, with paths relative to the dataset.

    Attributes:
        is_whole: whether all could be read that it is in.
    """

    images: Files = field(default_factory=Files)
    texts: Files = field(default_factory=Files)
    folders: set[str] = field(default_factory=set)
    faults: list[Fault] = field(default_factory=list)
    is_whole: bool = True

    def add(self, path: str, state: FileState) -> None:
        """Add an image or a text."""
        files = self.texts if path.lower().endswith(TEXT_ENDING) else self.images
        files.add_state(path, state)


class FolderLayers(NamedTuple):
    """Where something may be that one folder has besides files.

    Attributes:
        prefix: of the paths in it.
        container: what it is read from, or a folder above is, and the path in it.
        metadata: files that may tell of its images, with its path from there.
        kept: as in `Layers`.
    """

    prefix: str
    container: tuple[Source, str] | None
    metadata: Sequence[tuple[Source, str]]
    kept: Place | None

    @property
    def sources(self) -> list[Source]:
        """The files that it is found in."""
        return [
            source for source, _ in (*([self.container] if self.container else []), *self.metadata)
        ]

    def besides(self, images: Sequence[str], texts: Sequence[str]) -> Extra:
        """Return what there is besides these images and texts, which are really there."""
        extra = Extra()
        if self.container:
            self._add_members(extra, *self.container, hidden={*images, *texts})
        for metadata, inside in self.metadata:
            all_images, all_texts = [*images, *extra.images.paths], {*texts, *extra.texts.paths}
            self._add_texts(extra, metadata, inside, all_images, hidden=all_texts)
        return extra

    def _add_members(self, extra: Extra, container: Source, inside: str, hidden: set[str]) -> None:
        folders, fault = folders_of(container, self.kept)
        extra.is_whole &= not fault
        if fault and not inside:
            extra.faults.append(Fault("rest of", container.place, fault))
        found = folders.get(inside) or Folder()
        for path, state in found.files(self.prefix):
            if path not in hidden:
                extra.add(path, state)
        extra.folders |= {self.prefix + name for name in found.folders}

    def _add_texts(
        self, extra: Extra, metadata: Source, inside: str, images: Sequence[str], hidden: set[str]
    ) -> None:
        """Add the texts of images that a metadata file has and no file hides."""
        texts, fault = _texts_of(metadata)
        extra.is_whole &= not fault or bool(texts)
        if fault and not inside:
            extra.faults.append(fault)
        stems = Counter(image.rpartition(".")[0] for image in images)
        for image in images:
            text = texts.get(inside + image.removeprefix(self.prefix))
            path = text_name(image, is_alone=stems[image.rpartition(".")[0]] == 1)
            if text is not None and path not in hidden:
                extra.add(path, metadata.state._replace(size_bytes=len(text.encode())))


def _texts_of(metadata: Source) -> tuple[dict[str, str], Fault | None]:
    """Return the texts of a metadata file, and what is wrong with it."""
    try:
        texts, broken = texts_in(metadata)
    except ObjectError:  # says nothing about this file
        raise
    except OSError as error:
        return {}, Fault("file", metadata.place, error)
    if not broken:
        return texts, None
    line, reason = broken[0]
    more = f"; so were {len(broken) - 1} others" if len(broken) > 1 else ""
    return texts, Fault(f"line {line} of", metadata.place, OSError(errno.EIO, reason + more))
