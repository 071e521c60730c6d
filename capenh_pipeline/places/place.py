"""A folder or file on a disk, as a `Path`, or in object storage, as an `ObjectPlace`.

Both list what is in a folder, read and delete a file under the same names. What they do each in
its own way is here: a file appears whole or not at all, which takes a temporary file and a rename
on a disk, and is what a single request is in object storage.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from capenh_pipeline.domain.identity import sha256_hex
from capenh_pipeline.domain.paths import system_path
from capenh_pipeline.errors import ConfigurationError
from capenh_pipeline.files import (
    create_atomically,
    make_folder,
    nameable_path,
    sync_folder,
    write_atomically,
)
from capenh_pipeline.places.object_place import ObjectPlace, is_object_url, object_place

Place = Path | ObjectPlace

Item = TypeVar("Item")
Result = TypeVar("Result")

FILE_URL = "file://"
REQUESTS = 16
"""Requests to object storage that are under way at once, where many are due."""


def place_of(text: str, *, option: str) -> Place:
    """Return the place that a user named by a path or a URL.

    Raises:
        ConfigurationError: it is neither.
    """
    if is_object_url(text):
        return object_place(text, option=option)
    return nameable_path(text.removeprefix(FILE_URL), option=option)


def local_folder(root: Place, environment: Mapping[str, str]) -> Path:
    """Return the folder of what only this machine can use: the store, if that is on a disk.

    Dagster's databases need a file system, hashes of local files mean nothing elsewhere, and a
    report is to be opened in a browser.

    Args:
        root: the store's.
        environment: variables; `XDG_STATE_HOME` is where such things go, by default
            `~/.local/state`.

    Raises:
        ConfigurationError: there can be no such folder.
    """
    if isinstance(root, Path):
        return root
    state = environment.get("XDG_STATE_HOME") or "~/.local/state"
    folder = f"{root.name or root.bucket.rpartition('/')[2]}-{sha256_hex(str(root).encode())[:8]}"
    path = nameable_path(state, option="XDG_STATE_HOME") / "capenh" / folder
    try:
        make_folder(path)
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be made ({error.strerror}): Dagster's records are kept there while the "
            "store is in object storage; set XDG_STATE_HOME to a folder that can be written."
        ) from None
    return path


def write_file(place: Place, content: bytes) -> None:
    """Replace the file at `place`; a reader sees the old bytes or the new ones.

    Raises:
        OSError: it cannot be written.
    """
    if isinstance(place, ObjectPlace):
        place.put(content)
    else:
        write_atomically(place, content)


def create_file(place: Place, content: bytes) -> bool:
    """Write a file unless something is there; of several writers one wins, and is told so.

    Raises:
        OSError: it cannot be written.
    """
    if isinstance(place, ObjectPlace):
        return place.create(content)
    return create_atomically(place, content)


def write_new_file(place: Place, content: bytes) -> None:
    """Write a file whose name nobody else uses.

    Raises:
        OSError: it cannot be written.
    """
    if isinstance(place, Path):
        write_atomically(place, content)
    elif not place.create(content):
        raise FileExistsError(f"{place} is there, with other content")


def change_file(place: Place, change: Callable[[bytes], bytes]) -> None:
    """Replace the file at `place` by what `change` makes of its content.

    In object storage no change of another writer is lost: then it is made of the newer content.

    Raises:
        OSError: it is missing, or cannot be read or written.
    """
    if isinstance(place, Path):
        write_atomically(place, change(place.read_bytes()))
        return
    is_changed = False
    while not is_changed:
        content, state = place.read_version()
        is_changed = place.swap(change(content), version=state.version)


def is_in(place: Place, folder: Place) -> bool:
    """Return whether `place` is `folder`, or is in it."""
    if isinstance(place, Path):
        return isinstance(folder, Path) and place.is_relative_to(folder)
    return place.is_relative_to(folder)


def is_same_place(one: str, other: Place) -> bool:
    """Return whether what `str` has made of a place is the same one, links to folders and all."""
    if is_object_url(one) or not isinstance(other, Path):
        return one == str(other)
    return Path(one) == other or Path(one).resolve() == other.resolve()


def file_in(root: Place, raw: str) -> Place:
    """Return the file below `root` that a raw path (of `domain.paths`) names."""
    return system_path(root, raw) if isinstance(root, Path) else root / raw


def name_in(root: Place, place: Place) -> str:
    """Return the name of `place` below the folder `root`, with / between its parts."""
    return str(place)[len(str(root)) :].lstrip("/")


def each(
    work: Callable[[Item], Result], items: Sequence[Item], *, places: Sequence[Place]
) -> list[Result]:
    """Return what `work` makes of each item, in their order.

    Args:
        work: reads one of `places`.
        items: what it is called with.
        places: where the items lie: in object storage an answer takes its time, so some are
            waited for at once; on a disk one follows the other.
    """
    if len(items) < 2 or all(isinstance(place, Path) for place in places):
        return [*map(work, items)]
    with ThreadPoolExecutor(REQUESTS) as pool:
        return [*pool.map(work, items)]


def make_place(folder: Place) -> None:
    """Create `folder` where folders are something of their own.

    Raises:
        OSError: something that is not a folder has its name, or it cannot be created.
    """
    if isinstance(folder, Path):
        make_folder(folder)


def move_file(place: Place, target: Place) -> None:
    """Give a file another name, which nothing has; it has both for a moment in object storage.

    Raises:
        OSError: it cannot be moved.
    """
    make_place(target.parent)
    if isinstance(place, Path) and isinstance(target, Path):
        place.rename(target)
        sync_folder(target.parent)
        sync_folder(place.parent)
    else:
        create_file(target, place.read_bytes())
        place.unlink(missing_ok=True)
