"""What has to be done to a caption file: the wanted text against the file and the ledger."""

from enum import Enum, auto
from typing import Any, NamedTuple

import polars as pl

from capenh_pipeline.domain.identity import sha256_hex
from capenh_pipeline.domain.paths import raw_path
from capenh_pipeline.places.file_state import FileState, state_of
from capenh_pipeline.places.place import Place, each, file_in


class WantedFile(NamedTuple):
    """A wanted file, and what the ledger knows of it (None where it knows nothing)."""

    path: str
    path_bytes: bytes | None
    image_hash: str
    image_path: str
    kind: str
    text: str
    content_hash: str | None
    previous_hash: str | None
    size_bytes: int | None
    mtime_ns: int | None
    ctime_ns: int | None


class Action(Enum):
    """What to do about a file."""

    NONE = auto()  # it holds the wanted text, and the ledger says so
    ADOPT = auto()  # it holds the wanted text; the ledger is to say so
    KEEP = auto()  # a person wrote or edited it
    WRITE = auto()


class Comparison(NamedTuple):
    """A wanted file and what to do about it.

    Attributes:
        content: the bytes that it has to hold.
        content_hash: their SHA-256.
        state: how it was found, None where there was no file.
        previous_hash: of what we wrote there before, None where we did not.
    """

    action: Action
    wanted: WantedFile
    file: Place
    content: bytes
    content_hash: str
    state: FileState | None
    previous_hash: str | None


def compare(wanted: WantedFile, *, root: Place, overwrite: bool) -> Comparison:
    """Find out what to do about a file; it is opened only if its size or times are news.

    Args:
        wanted: the file and its text.
        root: the dataset folder.
        overwrite: whether a file that a person wrote or edited is replaced.

    Raises:
        OSError: the file is there and cannot be read.
    """
    file = file_in(root, raw_path(wanted.path, wanted.path_bytes))
    content = content_of(wanted.text)
    content_hash = sha256_hex(content)
    state = state_of(file)
    action, previous_hash = _judge(wanted, content_hash, file, state)
    if action is Action.KEEP and overwrite:
        action = Action.WRITE
    return Comparison(action, wanted, file, content, content_hash, state, previous_hash)


def content_of(text: str) -> bytes:
    """Return what a file holds that has this text."""
    return (text.rstrip("\n") + "\n").encode()


def holds(file: Place, content: bytes, state: FileState) -> bool:
    """Return whether a file has just this content; a link is not followed.

    Raises:
        OSError: it cannot be read.
    """
    return state.is_regular and state.size_bytes == len(content) and file.read_bytes() == content


def _judge(
    wanted: WantedFile, content_hash: str, file: Place, state: FileState | None
) -> tuple[Action, str | None]:
    """Return what to do, and the hash of what we wrote there before.

    A file may hold what was there before the last writing only if that was not finished: a person
    who has put it back since wants it.
    """
    if state is None:
        return Action.WRITE, wanted.content_hash
    known = (wanted.size_bytes, wanted.mtime_ns, wanted.ctime_ns, True)
    if content_hash == wanted.content_hash and state == known:
        return Action.NONE, None
    found = sha256_hex(file.read_bytes()) if state.is_regular else None  # a link is not followed
    if found == content_hash:
        return Action.ADOPT, wanted.previous_hash
    unfinished = wanted.previous_hash if wanted.size_bytes is None else None
    if found is not None and found in (wanted.content_hash, unfinished):
        return Action.WRITE, found
    return Action.KEEP, wanted.content_hash


def unchanged_files(files: pl.DataFrame, *, root: Place) -> pl.DataFrame:
    """Return the files that are there as they were; a link is not, nor what cannot be looked at.

    Args:
        files: with `path`, `path_bytes`, `size_bytes`, `mtime_ns` and `ctime_ns`, all null where
            nothing is known.
        root: the dataset folder.
    """

    def is_as_it_was(row: tuple[Any, ...]) -> bool:
        path, path_bytes, *state = row
        try:
            return state_of(file_in(root, raw_path(path, path_bytes))) == (*state, True)
        except OSError:
            return False

    rows = files.select("path", "path_bytes", "size_bytes", "mtime_ns", "ctime_ns").rows()
    is_unchanged = each(is_as_it_was, rows, places=[root])
    return files.filter(pl.Series(is_unchanged, dtype=pl.Boolean))
