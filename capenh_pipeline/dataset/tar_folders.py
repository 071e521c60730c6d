"""What of a tar a dataset has: its images and texts, folder by folder."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from capenh_pipeline.dataset.walk import TEXT_ENDING, is_image_name
from capenh_pipeline.domain.file_times import storable_ns
from capenh_pipeline.places.file_state import FileState
from capenh_pipeline.places.tar_members import Member, members


@dataclass
class TarFolder:
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


def folders_of(tar: Path) -> tuple[dict[str, TarFolder], OSError | None]:
    """Return the folders of a tar by their paths in it, and what cut it short.

    Raises:
        OSError: there is no such file.
    """
    found = tar.stat()
    return _folders_of(tar, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


@lru_cache(2)  # its folders are listed one after the other
def _folders_of(
    tar: Path, size: int, mtime_ns: int, ctime_ns: int
) -> tuple[dict[str, TarFolder], OSError | None]:
    del size
    folders: defaultdict[str, TarFolder] = defaultdict(
        lambda: TarFolder((storable_ns(mtime_ns), storable_ns(ctime_ns)))
    )
    try:
        for member in members(tar):
            _add_member(folders, member)
    except OSError as error:
        return dict(folders), error
    return dict(folders), None


def _add_member(folders: dict[str, TarFolder], member: Member) -> None:
    folder, _, name = member.name.rpartition("/")
    if not (name.lower().endswith(TEXT_ENDING) or is_image_name(name)):
        return
    folders[folder].sizes[name] = member.size
    while folder:
        folder, _, name = folder.rpartition("/")
        folders[folder].folders.add(name)
