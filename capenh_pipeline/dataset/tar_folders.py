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
        states: of its images and texts by name; their ctime is the tar's.
        folders: the names of its sub-folders.
    """

    states: dict[str, FileState] = field(default_factory=dict)
    folders: set[str] = field(default_factory=set)

    def files(self, prefix: str) -> Iterator[tuple[str, FileState]]:
        """Yield paths and states."""
        for name, state in self.states.items():
            yield prefix + name, state


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
    del size, mtime_ns
    folders: defaultdict[str, TarFolder] = defaultdict(TarFolder)
    try:
        for member in members(tar):
            _add_member(folders, member, storable_ns(ctime_ns))
    except OSError as error:
        return dict(folders), error
    return dict(folders), None


def _add_member(folders: dict[str, TarFolder], member: Member, ctime_ns: int) -> None:
    folder, _, name = member.name.rpartition("/")
    if not (name.lower().endswith(TEXT_ENDING) or is_image_name(name)):
        return
    mtime_ns = storable_ns(member.mtime_s * 1_000_000_000)
    folders[folder].states[name] = FileState(member.size, mtime_ns, ctime_ns, is_regular=True)
    while folder:
        folder, _, name = folder.rpartition("/")
        folders[folder].folders.add(name)
