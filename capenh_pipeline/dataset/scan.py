"""Which image files a folder holds."""

import os
import stat
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from capenh_pipeline.buckets import FolderBuckets, together
from capenh_pipeline.dataset.layered_walk import LayeredWalk
from capenh_pipeline.dataset.layers import Layers
from capenh_pipeline.dataset.object_walk import ObjectWalk, begins_with_image
from capenh_pipeline.dataset.units import UNIT, UNITS, changed_folders
from capenh_pipeline.dataset.walk import (
    EXTENSIONS,
    TEXT_ENDING,
    UNKNOWN_STATE,
    Frames,
    KnownFolder,
    Walk,
)
from capenh_pipeline.dataset.walk_process import walk_together
from capenh_pipeline.domain.paths import raw_path
from capenh_pipeline.errors import DatasetError
from capenh_pipeline.places.containers import TARS
from capenh_pipeline.places.object_place import ObjectPlace
from capenh_pipeline.places.place import Place, file_in


def is_text_file(path: str) -> bool:
    """Return whether a path is of a text file, by its name."""
    return path.lower().endswith(TEXT_ENDING)


FILE = ["path", "path_bytes", "size_bytes", "mtime_ns", "ctime_ns"]
"""Which file it is (`path` is relative, with `/`; `path_bytes` is set where that is not UTF-8, and
`path` is then a printable form), and what is known of it without opening it."""

NO_LAYERS = Layers()

FILE_STATE = ["path", "size_bytes", "mtime_ns", "ctime_ns"]
"""Columns of a `Listing` and of what is known of files: a file is the same where all are equal."""


LISTED = {
    "path": pl.String,
    "path_bytes": pl.Binary,
    "size_bytes": pl.Int64,
    "mtime_ns": pl.Int64,
    "ctime_ns": pl.Int64,
    "is_image": pl.Boolean,
    **{name: UNITS[name] for name in UNIT},
}
"""Columns of the files of a `Listing`: `FILE`, `is_image` and those of `UNIT`."""


@dataclass(frozen=True)
class Listing:
    """The images and the text files of a dataset folder.

    Attributes:
        units: all units of the dataset, in the columns of `UNITS`.
        found: one row a file, where the dataset was known before those of changed folders; in the
            columns of `LISTED`.
        warnings: a sentence about each part that could not be read.
    """

    units: pl.DataFrame
    found: FolderBuckets
    warnings: tuple[str, ...] = ()

    def files(self, buckets: Sequence[int] | None = None) -> pl.DataFrame:
        """Return the files of some buckets of folders, None for all, in path order.

        Where the paths of two print alike, one of them is left out.
        """
        return _distinct(self.found.read(buckets))

    def images(self) -> pl.DataFrame:
        """Return the image files, in the columns `FILE`."""
        return images_of(self.files())

    def texts(self) -> pl.DataFrame:
        """Return what is named as a text file, whatever it is, in the columns `FILE`."""
        return texts_of(self.files())


def images_of(files: pl.DataFrame) -> pl.DataFrame:
    """Return the image files among some of a `Listing`, in the columns `FILE`."""
    return files.filter("is_image").select(FILE)


def texts_of(files: pl.DataFrame) -> pl.DataFrame:
    """Return what has a name that ends in `.txt`, in any letter case, as `images_of` does."""
    return files.filter(~pl.col("is_image")).select(FILE)


def _distinct(files: pl.DataFrame) -> pl.DataFrame:
    files = files.sort("path", "path_bytes", nulls_last=False)
    if files["path_bytes"].null_count() == files.height:
        return files
    return files.unique("path", keep="first", maintain_order=True)


def list_dataset(  # noqa: PLR0913  # where, what of it, compared with what, and by which means
    root: Place,
    *,
    recursive: bool,
    layers: Layers = NO_LAYERS,
    skip: Sequence[Place] = (),
    known: pl.DataFrame | None = None,
    trust_dir_mtime: bool = False,
    processes: int = 0,
    scratch: Path | None = None,
) -> Listing:
    """List the image and text files below `root`; no file is opened.

    Hidden files and folders are skipped. A link to a file is read, a link to a folder is not
    followed. A sub-folder that cannot be read becomes a warning.

    Args:
        root: the dataset folder.
        recursive: whether sub-folders are listed too.
        layers: what is looked for besides files.
        skip: sub-folders that are left out (a store that is kept in the dataset).
        known: units of an earlier listing, with the same options. The files of a folder whose
            units are as they were are left out. So two names that print alike, which some names
            that are not UTF-8 do, are not told from each other.
        trust_dir_mtime: whether a folder whose own times are as they were is the same as it was,
            so that edits in place are not seen. In object storage folders have no times.
        processes: how many help this one; it is worth it from some hundred thousand files. In
            object storage none does: requests are waited for, several at once.
        scratch: on whose disk a listing lies that is too large for memory; see `Buckets`.

    Raises:
        DatasetError: `root` is missing, not a folder or not readable, or holds no image; or object
            storage does not answer.
    """
    files = FolderBuckets(LISTED, folder=scratch)
    trusted = known if trust_dir_mtime else None
    walk = begin_walk(root, files, layers=layers, skip=skip, known=known, trusted=trusted)
    if recursive and walk.pending and processes and isinstance(root, Path):
        with suppress(EOFError, ConnectionError):  # a process was killed: this one does it alone
            walk_together(walk, processes)
            return walked(walk, files, recursive=recursive)
        files = FolderBuckets(LISTED, folder=scratch)
        walk = walk.empty(files)
        walk.pending = [""]
    while recursive and walk.pending:
        walk.go_on()
    return walked(walk, files, recursive=recursive)


def begin_walk(
    root: Place,
    files: Frames,
    *,
    layers: Layers = NO_LAYERS,
    skip: Sequence[Place] = (),
    known: pl.DataFrame | None = None,
    trusted: pl.DataFrame | None = None,
) -> Walk:
    """Return a walk that has listed `root` itself; see `list_dataset`, which ends with `walked`.

    Args:
        root: the dataset folder.
        files: takes the files.
        layers: as `skip` and `known`, see `list_dataset`.
        skip: folders that are left out.
        known: units of an earlier listing.
        trusted: units of all folders of another one: a folder whose own times are as they were
            then, and whose files were as is `known`, is not listed. In object storage none is.
    """
    if isinstance(root, ObjectPlace):
        own = {str(place) for place in skip}
        walk: Walk = ObjectWalk(str(root), own, files, known, place=root, layers=layers)
    else:
        _require_folder(root)
        folders = {} if known is None or trusted is None else _known_folders(trusted, known)
        own = {_root_folder(folder) for folder in skip if isinstance(folder, Path)}
        walk = (
            LayeredWalk(_root_folder(root), own, files, known, folders, layers=layers)
            if layers.is_any
            else Walk(_root_folder(root), own, files, known, folders)
        )
    walk.list_folder("")
    return walk


def walked(walk: Walk, files: FolderBuckets, *, recursive: bool) -> Listing:
    """Return what a walk has found; see `list_dataset`.

    Args:
        walk: that is through.
        files: which it gave its files.
        recursive: whether it went into sub-folders.
    """
    walk.end_batch()
    if walk.known is None and any((one["not_utf8"] > 0).any() for one in walk.units):
        walk.note_alike(files.read(buckets) for buckets in together(files))
    units = _units(walk)
    if not units["images"].sum():
        raise DatasetError(_nothing_found(walk, recursive=recursive))
    return Listing(units, files, tuple(sorted(walk.warnings)))


def require_images(root: Place, *, recursive: bool, layers: Layers = NO_LAYERS) -> None:
    """Make sure that there is an image below `root`, without a look at all of it.

    Raises:
        DatasetError: as `list_dataset` does.
    """
    if isinstance(root, ObjectPlace) and begins_with_image(root, recursive=recursive):
        return
    walk = begin_walk(root, [], layers=layers)
    while recursive and walk.pending and not walk.has_images:
        walk.go_on()
    if not walk.has_images:
        raise DatasetError(_nothing_found(walk, recursive=recursive))


def _known_folders(units: pl.DataFrame, known: pl.DataFrame) -> dict[str, KnownFolder]:
    """Return the folders of some units, each with its state if its files are as is known."""
    states = units.select("folder", "mtime_ns", "ctime_ns").unique("folder").sort("folder")
    is_other = pl.col("folder").is_in(changed_folders(units, known).implode()).alias("is_other")
    found: dict[str, KnownFolder] = {}
    for folder, *state, other in states.with_columns(is_other).iter_rows():
        name = os.fsdecode(folder)
        found[name] = KnownFolder(UNKNOWN_STATE if other else tuple(state), [])
        if name:
            found[name.rpartition("/")[0]].folders.append(name)
    return found


def _units(walk: Walk) -> pl.DataFrame:
    """Return the units of all folders; those that were not listed have the units that are known."""
    rows = [(os.fsencode(folder), *state) for folder, state in walk.states.items()]
    columns = ("folder", "mtime_ns", "ctime_ns")
    folders = pl.DataFrame(rows, schema={name: UNITS[name] for name in columns}, orient="row")
    found = pl.concat(walk.units)
    if walk.known is not None:
        same = pl.Series([os.fsencode(folder) for folder in walk.same], dtype=pl.Binary)
        unlisted = walk.known.filter(pl.col("folder").is_in(same.implode()))
        found = pl.concat([found, unlisted.select(found.columns)])
    units = folders.join(found, on="folder", how="left").with_columns(pl.col("parts").fill_null(1))
    typed = units.select(pl.col(name).cast(kind) for name, kind in UNITS.items())
    return typed.with_columns(pl.exclude("folder").fill_null(0))


def file_path(root: Place, path: str, path_bytes: bytes | None) -> Place:
    """Return the file that the columns `path` and `path_bytes` name."""
    return file_in(root, raw_path(path, path_bytes))


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
    if walk.unread:
        option = "tar" if walk.unread.endswith(TARS) else "parquet"
        return (
            f"No image ({extensions}) is in {root}; add --recursive --{option}_shards to look into "
            f"files like {walk.unread}."
        )
    return f"No image ({extensions}) is in {root}; put images there or name another folder."
