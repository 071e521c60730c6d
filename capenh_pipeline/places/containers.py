"""Files that are read as folders: what is in `x.tar` is read as if it lay in the folder `x`.

Nothing is ever written into one. A file that is really in the folder hides the member of its name,
so caption files and people's corrections lie there.
"""

import errno
from collections.abc import Iterable, Iterator
from types import ModuleType

from capenh_pipeline.places import table_members, tar_members
from capenh_pipeline.places.file_state import state_of
from capenh_pipeline.places.member import Member
from capenh_pipeline.places.metadata_rows import NAMES
from capenh_pipeline.places.place import Place, name_in
from capenh_pipeline.places.source import Source, source_of
from capenh_pipeline.places.table_rows import ARROW_ENDING, PARQUET_ENDING

TARS, TABLES = (".tar",), (PARQUET_ENDING, ARROW_ENDING)
"""What their names end in. Of several for one folder the first of these is read."""

_CACHED = "cache-"  # results that `datasets` keeps beside the Arrow files that they are made from
_READERS: dict[str, ModuleType] = {
    **dict.fromkeys(TARS, tar_members),
    **dict.fromkeys(TABLES, table_members),
}


def members(container: Source) -> Iterator[Member]:
    """Yield what is in a file that is read as a folder, in its order.

    Raises:
        OSError: it cannot be read, or is not what its name says, which shows after what is whole.
    """
    yield from _reader(container).members(container)


def is_container(name: str, endings: Iterable[str]) -> bool:
    """Return whether a file is read as a folder, by its name.

    Args:
        name: of the file.
        endings: those of `TARS` and `TABLES` that are wanted.
    """
    return name.endswith(tuple(endings)) and not name.startswith(_CACHED) and name not in NAMES


def container_of(root: Place, folder: str, endings: Iterable[str]) -> tuple[Source, str] | None:
    """Return what is read as a folder or one above it, and the path in it; None if nothing is.

    Args:
        root: above it none is looked for.
        folder: relative to it.
        endings: as in `is_container`.
    """
    inside: list[str] = []
    parts = folder.split("/") if folder else []
    while parts:
        found = _beside(root / "/".join(parts), endings)
        if found:
            return found, "/".join(inside)
        inside.insert(0, parts.pop())
    return None


def is_in_container(file: Place) -> bool:
    """Return whether something is read as one of the folders that a file is in."""
    return _placed(file) is not None


def is_member(file: Place) -> bool:
    """Return whether a path is of something that is in a file.

    Raises:
        OSError: nobody can tell.
    """
    placed = _placed(file)
    return placed is not None and _reader(placed[0]).size_of(*placed) is not None


def is_gone(file: Place) -> bool:
    """Return whether there is nothing of that name, not even a link; no, where nobody can tell.

    What is in a file that is read as a folder is there.
    """
    try:
        return state_of(file) is None and not is_member(file)
    except OSError:
        return False


def read_member(file: Place, *, most_bytes: int | None = None) -> bytes | None:
    """Return the content of a member, by the path that it is read under; None if it is none.

    Raises:
        OSError: it cannot be read, or is larger than `most_bytes`.
    """
    placed = _placed(file)
    if placed is None:
        return None
    reader = _reader(placed[0])
    size = reader.size_of(*placed)
    if most_bytes is not None and size is not None and size > most_bytes:
        raise OSError(errno.EFBIG, f"it is larger than {most_bytes} bytes", str(file))
    return reader.read_member(*placed)


def _reader(container: Source) -> ModuleType:
    return _READERS[f".{container.place.name.rpartition('.')[2]}"]


def _placed(file: Place) -> tuple[Source, str] | None:
    """Return the container that a path leads into, and the name in it."""
    for folder in file.parents:
        if found := _beside(folder, _READERS):
            return found, name_in(folder, file)
    return None


def _beside(folder: Place, endings: Iterable[str]) -> Source | None:
    if not folder.name:
        return None
    names = (folder.name + ending for ending in endings)
    sources = (source_of(folder.with_name(name)) for name in names if is_container(name, _READERS))
    return next((source for source in sources if source), None)
