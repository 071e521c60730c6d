"""What a dataset has in a file that is read as a folder: images and texts, folder by folder."""

import os
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path

import polars as pl

from capenh_pipeline.dataset.walk import TEXT_ENDING, is_image_name
from capenh_pipeline.domain.identity import sha256_hex
from capenh_pipeline.places.containers import TARS, members
from capenh_pipeline.places.file_state import FileState
from capenh_pipeline.places.kept_rows import keep_rows, kept_rows
from capenh_pipeline.places.member import Member
from capenh_pipeline.places.member_index import remember
from capenh_pipeline.places.object_client import ObjectError
from capenh_pipeline.places.place import Place
from capenh_pipeline.places.source import Source

_COLUMNS = {"name": pl.Binary, "at": pl.Int64, "size_bytes": pl.Int64, "mtime_ns": pl.Int64}


@dataclass
class Folder:
    """What is in one folder of a container.

    Attributes:
        states: of its images and texts by name; their ctime is the container's.
        folders: the names of its sub-folders.
    """

    states: dict[str, FileState] = field(default_factory=dict)
    folders: set[str] = field(default_factory=set)

    def files(self, prefix: str) -> Iterator[tuple[str, FileState]]:
        """Yield paths and states."""
        for name, state in self.states.items():
            yield prefix + name, state


@lru_cache(2)  # its folders are listed one after the other
def folders_of(container: Source, kept: Place | None) -> tuple[dict[str, Folder], OSError | None]:
    """Return the folders of a container by their paths in it, and what cut it short.

    Args:
        container: a file that is read as a folder.
        kept: a folder for lists of what is in those of which all has to be read to know it, so
            that this is done once; None to keep none.
    """
    is_quick = isinstance(container.place, Path) and container.place.name.endswith(TARS)
    rows, fault = _listed(container) if is_quick else _listed_once(container, kept)
    if not is_quick:
        remember(container, partial(_members, rows))
    folders: defaultdict[str, Folder] = defaultdict(Folder)
    ctime_ns = container.state.ctime_ns
    for name, _, size, mtime_ns in rows.iter_rows():
        _add_member(folders, os.fsdecode(name), FileState(size, mtime_ns, ctime_ns, True))
    return dict(folders), fault


def _listed_once(container: Source, kept: Place | None) -> tuple[pl.DataFrame, OSError | None]:
    """Return what is in a container, kept with its state: with another one it is another."""
    if kept is None:
        return _listed(container)
    place = kept / sha256_hex(os.fsencode(str(container.place)))
    stamp = str(tuple(container.state))
    rows = kept_rows(place, {**_COLUMNS, "state": pl.String})
    if rows is not None and set(rows["state"]) == {stamp}:
        return rows.select(*_COLUMNS), None
    rows, fault = _listed(container)
    if fault is None:
        with suppress(OSError):  # then it is read once more
            keep_rows(place, rows.with_columns(state=pl.lit(stamp)))
    return rows, fault


def _listed(container: Source) -> tuple[pl.DataFrame, OSError | None]:
    """Return the images and texts in a container, and what cut it short."""
    found: list[tuple[bytes, int, int, int]] = []
    fault = None
    try:
        for one in members(container):
            name = one.name.rpartition("/")[2]
            if name.lower().endswith(TEXT_ENDING) or is_image_name(name):
                found.append((os.fsencode(one.name), *one[1:]))
    except ObjectError:  # says nothing about this file
        raise
    except OSError as error:
        fault = error
    return pl.DataFrame(found, schema=_COLUMNS, orient="row"), fault


def _members(rows: pl.DataFrame) -> Iterator[Member]:
    for name, *facts in rows.iter_rows():
        yield Member(os.fsdecode(name), *facts)


def _add_member(folders: dict[str, Folder], path: str, state: FileState) -> None:
    folder, _, name = path.rpartition("/")
    folders[folder].states[name] = state
    while folder:
        folder, _, name = folder.rpartition("/")
        folders[folder].folders.add(name)
