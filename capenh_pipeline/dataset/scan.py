"""Which image files a folder holds."""

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from capenh_pipeline.dataset.walk import (
    EXTENSIONS,
    TEXT_ENDING,
    FolderState,
    KnownFolder,
    Walk,
    folder_of,
)
from capenh_pipeline.domain.paths import raw_path, system_path
from capenh_pipeline.errors import DatasetError


def is_text_file(path: str) -> bool:
    """Return whether a path is of a text file, by its name."""
    return path.lower().endswith(TEXT_ENDING)


FILE_STATE = ["path", "size_bytes", "mtime_ns", "ctime_ns"]
"""Columns of a `Listing` and of what is known of files: a file is the same where all are equal."""


@dataclass(frozen=True)
class Listing:
    """The images and the text files of a dataset folder.

    Both frames have one row a file, in path order: `path` (relative, `/`), `path_bytes` (set
    where the path is not UTF-8; `path` is then a printable form), `size_bytes`, `mtime_ns`,
    `ctime_ns`.

    Attributes:
        images: the image files.
        texts: what has a name that ends in `.txt`, in any letter case, whatever it is.
        folders: `folder` (relative, as bytes; empty is the dataset's own), `mtime_ns`, `ctime_ns`.
        warnings: a sentence about each part that could not be read.
    """

    images: pl.DataFrame
    texts: pl.DataFrame
    folders: pl.DataFrame
    warnings: tuple[str, ...] = ()


def list_dataset(
    root: Path, *, recursive: bool, skip: Sequence[Path] = (), known: Listing | None = None
) -> Listing:
    """List the image and text files below `root`; no file is opened.

    Hidden files and folders are skipped. A link to a file is read, a link to a folder is not
    followed. A sub-folder that cannot be read becomes a warning.

    Args:
        root: the dataset folder.
        recursive: whether sub-folders are listed too.
        skip: sub-folders that are left out (a store that is kept in the dataset).
        known: an earlier listing, with the same options. The files of a folder whose own times
            are as they were are taken from it, so that edits in place are not seen.

    Raises:
        DatasetError: `root` is missing, not a folder or not readable, or holds no image.
    """
    walk = begin_walk(root, skip=skip, known=known)
    while recursive and walk.pending:
        walk.list_folder(walk.pending.pop())
    return walked(walk, recursive=recursive, known=known)


def begin_walk(root: Path, *, skip: Sequence[Path] = (), known: Listing | None = None) -> Walk:
    """Return a walk that has listed `root` itself; see `list_dataset`, which ends with `walked`."""
    _require_folder(root)
    folders = _known_folders(known) if known else {}
    walk = Walk(_root_folder(root), {_root_folder(folder) for folder in skip}, folders)
    walk.list_folder("")
    return walk


def walked(walk: Walk, *, recursive: bool, known: Listing | None = None) -> Listing:
    """Return what a walk has found; see `list_dataset`."""
    if known and len(walk.same) == len(walk.states):
        return known
    images, texts = walk.images.frame(), walk.texts.frame()
    if known and walk.same:
        images = _with_known(images, known.images, walk.same)
        texts = _with_known(texts, known.texts, walk.same)
    images, texts = walk.distinct(images), walk.distinct(texts)
    if images.is_empty():
        raise DatasetError(_nothing_found(walk, recursive=recursive))
    return Listing(images, texts, _folders(walk.states), tuple(sorted(walk.warnings)))


def _known_folders(known: Listing) -> dict[str, KnownFolder]:
    found: dict[str, KnownFolder] = {}
    for folder, *state in known.folders.sort("folder").iter_rows():
        name = os.fsdecode(folder)
        found[name] = KnownFolder(tuple(state), [])
        if name:
            found[name.rpartition("/")[0]].folders.append(name)
    return found


def _folders(states: dict[str, FolderState]) -> pl.DataFrame:
    rows = [(os.fsencode(folder), *state) for folder, state in states.items()]
    columns = {"folder": pl.Binary, "mtime_ns": pl.Int64, "ctime_ns": pl.Int64}
    return pl.DataFrame(rows, schema=columns, orient="row")


def _with_known(files: pl.DataFrame, known: pl.DataFrame, same: list[str]) -> pl.DataFrame:
    """Return `files` and those of `known` that are in the folders `same`."""
    folders = {os.fsencode(folder) for folder in same}
    folder = pl.col("path").str.extract(r"^(?s:(.*))/[^/]*$").fill_null("").cast(pl.Binary)
    is_text = pl.col("path_bytes").is_null()
    odd = known.filter(~is_text)
    is_kept = [folder_of(*row) in folders for row in odd.select("path", "path_bytes").iter_rows()]
    kept = known.filter(is_text & folder.is_in([*folders]))
    return pl.concat([files, kept, odd.filter(pl.Series(is_kept, dtype=pl.Boolean))])


def file_path(root: Path, path: str, path_bytes: bytes | None) -> Path:
    """Return the file that the columns `path` and `path_bytes` name."""
    return system_path(root, raw_path(path, path_bytes))


def _root_folder(folder: Path) -> str:
    return str(folder.resolve()).rstrip("/")


def _require_folder(root: Path) -> None:
    try:
        is_folder = stat.S_ISDIR(root.stat().st_mode)
    except OSError as error:
        problem = f"cannot be opened ({error.strerror})"
    else:
        problem = "" if is_folder else "is not a folder"
    if problem:
        raise DatasetError(f"{root} {problem}; name the folder that holds the images.")


def _nothing_found(walk: Walk, *, recursive: bool) -> str:
    root = walk.root
    if walk.warnings:
        return f"No image was found in {root}. {min(walk.warnings)} Make it readable."
    extensions = ", ".join(EXTENSIONS)
    if walk.pending and not recursive:
        return f"No image ({extensions}) is in {root} itself; add --recursive for its sub-folders."
    return f"No image ({extensions}) is in {root}; put images there or name another folder."
