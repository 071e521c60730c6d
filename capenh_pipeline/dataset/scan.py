"""Which image files a folder holds."""

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from capenh_pipeline.domain.paths import raw_path, stored_path, system_path
from capenh_pipeline.errors import DatasetError

EXTENSIONS = (
    *("jpg", "jpeg", "png", "webp", "bmp", "gif", "tif", "tiff", "avif"),
    *("heic", "heif", "jxl"),  # with a package that decodes them, see `extra_decoders`
)
"""What the name of an image ends in, in any letter case."""

_ENDINGS = tuple(f".{extension}".encode() for extension in EXTENSIONS)


@dataclass(frozen=True)
class Listing:
    """The images of a dataset folder.

    Attributes:
        images: one row a file, in path order: `path` (relative, `/`), `path_bytes` (set where the
            path is not UTF-8; `path` is then a printable form), `size_bytes`, `mtime_ns`,
            `ctime_ns`.
        warnings: a sentence about each part that could not be read.
    """

    images: pl.DataFrame
    warnings: tuple[str, ...]


def list_dataset(root: Path, *, recursive: bool, skip: Sequence[Path] = ()) -> Listing:
    """List the image files below `root`; no file is opened.

    Hidden files and folders are skipped. A link to a file is read, a link to a folder is not
    followed. A sub-folder that cannot be read becomes a warning.

    Args:
        root: the dataset folder.
        recursive: whether sub-folders are listed too.
        skip: sub-folders that are left out (a store that is kept in the dataset).

    Raises:
        DatasetError: `root` is missing, not a folder or not readable, or holds no image.
    """
    _require_folder(root)
    walk = _Walk(_folder_bytes(root), {_folder_bytes(folder) for folder in skip})
    walk.list_folder(b"")
    while recursive and walk.pending:
        walk.list_folder(walk.pending.pop())
    if not walk.paths:
        raise DatasetError(_nothing_found(root, walk, recursive=recursive))
    return _listing(walk)


def file_path(root: Path, path: str, path_bytes: bytes | None) -> Path:
    """Return the file that the columns `path` and `path_bytes` name."""
    return system_path(root, raw_path(path, path_bytes))


@dataclass
class _Walk:
    """A walk over the folder `root`, all in bytes; the columns grow as folders are listed.

    Attributes:
        skip: folders that are left out.
        pending: sub-folders (relative) that were seen and not listed yet.
    """

    root: bytes
    skip: set[bytes]
    pending: list[bytes] = field(default_factory=list)
    paths: list[bytes] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    mtimes: list[int] = field(default_factory=list)
    ctimes: list[int] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def list_folder(self, folder: bytes) -> None:
        """Add the images of one folder (relative), and its sub-folders to `pending`."""
        prefix = folder + b"/" if folder else b""
        try:
            with os.scandir(self.root + b"/" + folder) as entries:
                for entry in entries:
                    if not entry.name.startswith(b"."):
                        self._add(entry, prefix + entry.name)
        except OSError as error:
            self._warn("folder", folder, error)

    def _add(self, entry: os.DirEntry[bytes], path: bytes) -> None:
        if entry.is_dir(follow_symlinks=False):
            if self.root + b"/" + path not in self.skip:
                self.pending.append(path)
        elif entry.name.lower().endswith(_ENDINGS):
            self._add_file(entry, path)

    def _add_file(self, entry: os.DirEntry[bytes], path: bytes) -> None:
        try:
            found = entry.stat()
        except PermissionError as error:
            if not entry.is_symlink():  # the whole folder can be listed, but not entered
                raise
            self._warn("file", path, error)
            return
        except OSError:  # a broken link, a loop of links, or a file that has just gone
            return
        if stat.S_ISREG(found.st_mode):
            self.paths.append(path)
            self.sizes.append(found.st_size)
            self.mtimes.append(found.st_mtime_ns)
            self.ctimes.append(found.st_ctime_ns)

    def _warn(self, what: str, path: bytes, error: OSError) -> None:
        name = path.decode("utf-8", "backslashreplace") or "."
        self.warnings.append(f"The {what} {name} was skipped: {error.strerror}.")


def _folder_bytes(folder: Path) -> bytes:
    return os.fsencode(folder.resolve()).rstrip(b"/")


def _require_folder(root: Path) -> None:
    try:
        is_folder = stat.S_ISDIR(root.stat().st_mode)
    except OSError as error:
        problem = f"cannot be opened ({error.strerror})"
    else:
        problem = "" if is_folder else "is not a folder"
    if problem:
        raise DatasetError(f"{root} {problem}; name the folder that holds the images.")


def _nothing_found(root: Path, walk: _Walk, *, recursive: bool) -> str:
    if walk.warnings:
        return f"No image was found in {root}. {min(walk.warnings)} Make it readable."
    extensions = ", ".join(EXTENSIONS)
    if walk.pending and not recursive:
        return f"No image ({extensions}) is in {root} itself; add --recursive for its sub-folders."
    return f"No image ({extensions}) is in {root}; put images there or name another folder."


def _listing(walk: _Walk) -> Listing:
    stored = [stored_path(content) for content in walk.paths]
    columns = {
        "path": pl.Series([path for path, _ in stored], dtype=pl.String),
        "path_bytes": pl.Series([content for _, content in stored], dtype=pl.Binary),
        "size_bytes": pl.Series(walk.sizes, dtype=pl.Int64),
        "mtime_ns": pl.Series(walk.mtimes, dtype=pl.Int64),
        "ctime_ns": pl.Series(walk.ctimes, dtype=pl.Int64),
    }
    images = pl.DataFrame(columns).sort("path", "path_bytes", nulls_last=False)
    distinct = images.unique("path", keep="first", maintain_order=True)
    if distinct.height < images.height:
        clash = images.filter(pl.col("path").is_duplicated())["path"][0]
        walk.warnings.append(f"Two file names print as {clash}; rename one, only one is used.")
    return Listing(distinct, tuple(sorted(walk.warnings)))
