"""Files that others are in, as they were when somebody looked, to be read in pieces."""

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from capenh_pipeline.places.file_state import FileState, content_state, object_state
from capenh_pipeline.places.object_place import ObjectPlace
from capenh_pipeline.places.place import Place


@dataclass(frozen=True)
class Source:
    """A file in one state: what is found out about it is true as long as it has that.

    Attributes:
        place: where it is.
        state: its own, or that of the file that a link leads to.
        version: of an object: no other is read in its stead.
    """

    place: Place
    state: FileState
    version: Mapping[str, str] = field(default_factory=dict, compare=False)

    def opened(self, *, ahead: int) -> BinaryIO:
        """Return it as an open file.

        Args:
            ahead: bytes that are read at once where less is asked for.

        Raises:
            OSError: it cannot be opened; so does what reads it.
        """
        if isinstance(self.place, Path):
            return self.place.open("rb", buffering=ahead)
        return io.BufferedReader(_Pieces(self), ahead)

    def read(self, offset: int, count: int) -> bytes:
        """Return some of its bytes.

        Raises:
            OSError: they cannot be read.
        """
        if isinstance(self.place, ObjectPlace):
            end = min(offset + count, self.state.size_bytes)
            return self.place.read_range(offset, end, version=self.version)
        with self.place.open("rb", buffering=0) as opened:
            opened.seek(offset)
            return opened.read(count)


_seen: dict[ObjectPlace, Mapping[ObjectPlace, Source]] = {}


def remember_sources(root: ObjectPlace, sources: Mapping[ObjectPlace, Source]) -> None:
    """Note all sources below a folder, so that storage is not asked for one whenever it is read.

    Args:
        root: the folder.
        sources: by their places; a scan may still be filling it.
    """
    _seen[root] = sources


def source_of(place: Place) -> Source | None:
    """Return the regular file of a name as it is, None where there is none.

    Of object storage that this process has scanned it is what the last scan has seen.

    Raises:
        OSError: nobody can tell.
    """
    try:
        if isinstance(place, Path):
            state = content_state(place)
            return Source(place, state) if state.is_regular else None
        scanned = [root for root in _seen if place.is_relative_to(root)]
        if scanned:
            return _seen[max(scanned)].get(place)
        found = place.stat()
        return Source(place, object_state(found), found.version)
    except (FileNotFoundError, NotADirectoryError):
        return None


class _Pieces(io.RawIOBase):
    """An object as a file."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        starts = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._source.state.size_bytes}
        self._at = starts[whence] + offset
        return self._at

    def readinto(self, buffer: Any) -> int:
        content = self._source.read(self._at, len(buffer))
        buffer[: len(content)] = content
        self._at += len(content)
        return len(content)
