"""Files that appear whole or not at all, and stay after a power cut."""

import errno
import os
import stat
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from capenh_pipeline.errors import ConfigurationError

TEMPORARY_PREFIX = ".tmp-"

# Some systems cannot open a folder (Windows), some file systems cannot sync one (FUSE, SMB).
# PostgreSQL's fsync_fname() passes over the same errors: there is nothing more to do there.
_CANNOT_SYNC_FOLDERS = {errno.EACCES, errno.EISDIR, errno.EBADF, errno.EINVAL, errno.ENOTSUP}
_CANNOT_LINK = {errno.EPERM, errno.ENOTSUP, errno.ENOSYS}


def make_folder(folder: Path) -> None:
    """Create `folder` and its parents; each new one's entry in its parent is on disk afterwards.

    Raises:
        OSError: something that is not a folder has its name, or it cannot be created.
    """
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    sync_folder(folder.parent)


def write_atomically(path: Path, content: bytes) -> None:
    """Replace the file at `path` with `content`; a reader sees the old bytes or the new ones.

    The order is the one that survives a power cut: write a temporary file in the same
    folder, fsync it, rename it over the target, fsync the folder.

    Raises:
        OSError: the folder is missing, or nothing can be written there; no temporary file is left.
    """
    with _temporary_file(_temporary_path(path.parent), content) as temporary:
        temporary.replace(path)
    sync_folder(path.parent)


def replace_file(path: Path, content: bytes, *, temporary: Path) -> None:
    """Replace the file at `path` as `write_atomically` does, for one of many files in a folder.

    The new name is durable only after `sync_folder(path.parent)`, which is due once for all.

    Args:
        path: the file.
        content: what is in it afterwards.
        temporary: a name in the same folder that only this writer uses. A killed writer leaves
            the file there; it is replaced when `path` is written again.

    Raises:
        OSError: as in `write_atomically`.
    """
    temporary.unlink(missing_ok=True)
    with _temporary_file(temporary, content):
        temporary.replace(path)


def create_atomically(path: Path, content: bytes) -> bool:
    """Write `content` to `path` unless something is there; of several writers one wins.

    Returns:
        True if this call created the file.

    Raises:
        OSError: the folder is missing, or nothing can be written there; no temporary file is left.
    """
    with _temporary_file(_temporary_path(path.parent), content) as temporary:
        try:
            path.hardlink_to(temporary)
        except FileExistsError:
            return False
        except OSError as error:
            if error.errno not in _CANNOT_LINK:
                raise
            # exFAT and some network file systems: two writers at the same instant both win
            if path.exists():
                return False
            temporary.replace(path)
    sync_folder(path.parent)
    return True


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` durable, as far as its file system can."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno not in _CANNOT_SYNC_FOLDERS:
            raise


def _temporary_path(folder: Path) -> Path:
    return folder / f"{TEMPORARY_PREFIX}{uuid.uuid4().hex}"


@contextmanager
def _temporary_file(temporary: Path, content: bytes) -> Generator[Path]:
    """Yield the new file `temporary` that holds `content` on disk; it is gone afterwards."""
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def absolute_path(text: str, *, option: str) -> Path:
    """Return the path that a user wrote, `~` resolved.

    Raises:
        ConfigurationError: it names the home of nobody, or is no path.
    """
    try:
        path = Path(text).expanduser().absolute()
        path.exists()
    except (RuntimeError, ValueError) as error:
        raise ConfigurationError(f"--{option}: {text!r} is no path ({error}).") from None
    except OSError as error:
        raise ConfigurationError(f"--{option}: {text} cannot be used ({error.strerror}).") from None
    return path


def nameable_path(text: str, *, option: str) -> Path:
    """Return `absolute_path` of a folder that polars and Dagster are to work in.

    They take a path as text, and fail late and in ways of their own at one that is not UTF-8.

    Raises:
        ConfigurationError: as in `absolute_path`, or the whole path is not UTF-8.
    """
    path = absolute_path(text, option=option)
    name = os.fsencode(path).decode("utf-8", "backslashreplace")
    if name != str(path):
        raise ConfigurationError(
            f"--{option}: {name} is not UTF-8; rename that folder, or give a link of another name."
        )
    return path


def read_regular_file(path: Path, *, most_bytes: int | None = None) -> bytes:
    """Return the content of a file; a pipe or a device, which may never end, is not waited for.

    Raises:
        OSError: it cannot be read, is no regular file, or is larger than `most_bytes`.
    """
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    try:  # of a folder, `fdopen` raises, and does not close it
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                raise OSError(errno.EINVAL, "it is no regular file", str(path))
            if most_bytes is not None and found.st_size > most_bytes:
                raise OSError(errno.EFBIG, f"it is larger than {most_bytes} bytes", str(path))
            return file.read()
    finally:
        os.close(descriptor)
