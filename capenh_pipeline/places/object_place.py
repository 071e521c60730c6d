"""A name in object storage, used where a `Path` is used on a disk."""

import errno
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from typing import Any, NamedTuple, Self

from capenh_pipeline.errors import ConfigurationError
from capenh_pipeline.places.object_client import (
    SCHEMES,
    ObjectExistsError,
    ask,
    bucket_client,
    library,
)

PART_BYTES = 8 << 20
"""What is read of an object in one request; a slow line is given the time for so much."""


class ObjectState(NamedTuple):
    """What storage says about an object.

    Attributes:
        st_size: its size in bytes, under the name that it has in `os.stat`.
        version: tells its content from another one.
        st_mtime: when it was written, by the clock of the server, in seconds since 1970.
    """

    st_size: int
    version: dict[str, str]
    st_mtime: float


@dataclass(frozen=True, order=True)
class ObjectPlace:
    """One name: an object, or what a folder would be, the beginning of the names of others.

    It has those methods of `Path` that a store uses, with their names, meanings and errors. A
    folder is there as long as something is in it: it is neither made nor removed.

    Attributes:
        scheme: of `SCHEMES`.
        bucket: its name; for Azure, account and container.
        key: the name in the bucket, without / at either end; empty is the bucket itself.
    """

    scheme: str
    bucket: str
    key: str

    def __truediv__(self, name: str) -> Self:
        """Return what is called `name` in this folder."""
        return type(self)(self.scheme, self.bucket, f"{self.key}/{name}".lstrip("/"))

    def __str__(self) -> str:
        return f"{self.scheme}://{self.bucket}/{self.key}".rstrip("/")

    @property
    def name(self) -> str:
        """The last part of the key."""
        return self.key.rpartition("/")[2]

    @property
    def parent(self) -> Self:
        """The folder that this is in."""
        return type(self)(self.scheme, self.bucket, self.key.rpartition("/")[0])

    @property
    def parents(self) -> Iterator[Self]:
        """The folders that this is in, its own first and the bucket last."""
        folder = self
        while folder.key:
            folder = folder.parent
            yield folder

    def with_name(self, name: str) -> Self:
        """Return another name in the same folder."""
        return self.parent / name

    def is_relative_to(self, other: object) -> bool:
        """Return whether it is `other` or in that folder; nothing here is in one of a disk."""
        if not isinstance(other, ObjectPlace):
            return False
        is_same_bucket = (self.scheme, self.bucket) == (other.scheme, other.bucket)
        return is_same_bucket and f"{self.key}/".startswith(f"{other.key}/".lstrip("/"))

    def exists(self) -> bool:
        """Return whether there is an object of this name, or anything in a folder of this name."""
        return self.is_file() or self.is_dir()

    def is_dir(self) -> bool:
        """Return whether anything is in this folder."""
        try:
            return bool(self.first_objects())
        except FileNotFoundError:  # no such bucket
            return False

    def is_file(self) -> bool:
        """Return whether there is an object of this name."""
        try:
            return bool(self.key) and bool(self.stat())
        except FileNotFoundError:
            return False

    def is_symlink(self) -> bool:
        """Return that it is none: there are no links."""
        return False

    def stat(self) -> ObjectState:
        """Return what storage says about the object."""
        obstore = library()
        return _state(ask(lambda: obstore.head(self._client, self.key)))

    def iterdir(self) -> Iterator[Self]:
        """Yield the objects and folders in this folder; none when it is missing."""
        objects, folders = self.listed()
        yield from (self / name for name in [*(name for name, _ in objects), *folders])

    def listed(self) -> tuple[Iterator[tuple[str, ObjectState]], list[str]]:
        """Return the names of the objects in this folder, with their states, and of its folders.

        An object that stands for the folder itself, as some tools leave one, is not among them.
        There may be very many objects, and those of the library take half a kB each.
        """
        obstore = library()
        found = ask(lambda: obstore.list_with_delimiter(self._client, self.key or None))
        skipped = len(self.key) + 1 if self.key else 0
        objects = ((entry["path"][skipped:], _state(entry)) for entry in found["objects"])
        folders = [key.rstrip("/")[skipped:] for key in found["common_prefixes"]]
        return (one for one in objects if one[0]), folders

    def objects(self) -> list[Self]:
        """Return all objects in this folder and the folders in it, however deep."""
        return self._places(ask(lambda: self._stream().collect()))

    def first_objects(self) -> list[Self]:
        """Return some of `objects`, those of one request; none only if there is none."""
        found = self._places(ask(lambda: next(iter(self._stream()), [])))
        return [place for place in found if place != self]

    def glob(self, pattern: str) -> Iterator[Self]:
        """Yield what is in this folder under names like `pattern`, which has no /."""
        yield from (place for place in self.iterdir() if fnmatchcase(place.name, pattern))

    def read_bytes(self) -> bytes:
        """Return the content of the object, whole."""
        return self.read_version()[0]

    def read_version(self, *, most_bytes: int | None = None) -> tuple[bytes, ObjectState]:
        """Return the content of the object and what storage says about it.

        Raises:
            OSError: as in `object_faults`; it is larger than `most_bytes`, or was replaced while it
                was read.
        """
        obstore = library()

        def begin() -> tuple[bytes | None, ObjectState]:
            found = obstore.get(self._client, self.key)
            state = _state(found.meta)
            if most_bytes is not None and state.st_size > most_bytes:
                raise OSError(errno.EFBIG, f"it is larger than {most_bytes} bytes")
            return (bytes(found.bytes()) if state.st_size <= PART_BYTES else None), state

        content, state = ask(begin)
        if content is None:
            content = self.read_range(0, state.st_size, version=state.version)
        return content, state

    def read_range(self, first: int, end: int, *, version: Mapping[str, str]) -> bytes:
        """Return the bytes from `first` to before `end`, part by part: many would take too long.

        Raises:
            OSError: as in `object_faults`, or it is not of that version any more.
        """
        parts = range(first, end, PART_BYTES)
        return b"".join(self._part(at, min(at + PART_BYTES, end), version) for at in parts)

    def _part(self, first: int, end: int, version: Mapping[str, str]) -> bytes:
        obstore = library()
        options: Any = {"range": (first, end)}
        if tag := version.get("e_tag"):
            options["if_match"] = tag
        get = partial(obstore.get, self._client, self.key, options=options)
        try:
            return bytes(ask(lambda: get().bytes()))
        except ObjectExistsError:
            raise OSError(errno.ESTALE, "it was replaced while it was read") from None

    def put(self, content: bytes) -> None:
        """Make `content` the object, whole or not at all."""
        self._put(content, "overwrite")

    def create(self, content: bytes) -> bool:
        """Make `content` the object unless there is one; of several writers one wins.

        A request whose answer is lost on the way is made again, and then finds its own object:
        the content tells that, so it is to be one that nobody else writes.

        Returns:
            True if the object is ours.
        """
        return self._put_if("create", content)

    def swap(self, content: bytes, *, version: dict[str, str]) -> bool:
        """Make `content` the object if it is still of that version; return whether it is ours.

        As with `create`, the content is to be one that nobody else writes.
        """
        bare = {name: tag.strip('"') for name, tag in version.items()}
        is_ours = self._put_if(version, content)
        if is_ours or bare == version or self.scheme != "s3":
            return is_ours
        return self._put_if(bare, content)  # Ceph 16 knows an entity tag without its quotes only

    def unlink(self, missing_ok: bool = False) -> None:  # as in `Path`
        """Delete the object; that it was not there is never an error."""
        obstore = library()
        del missing_ok
        with suppress(FileNotFoundError):  # S3 says nothing, others do
            ask(lambda: obstore.delete(self._client, self.key))

    def rmdir(self) -> None:
        """Do nothing: an empty folder is not there."""

    def _put_if(self, condition: Any, content: bytes) -> bool:
        try:
            self._put(content, condition)
        except (ObjectExistsError, FileNotFoundError):
            return self._holds(content)
        return True

    def _holds(self, content: bytes) -> bool:
        try:
            return self.read_bytes() == content
        except FileNotFoundError:
            return False

    def _put(self, content: bytes, mode: Any) -> None:
        obstore = library()
        # in one request: an unfinished upload of several would stay for ever
        put = partial(obstore.put, self._client, self.key, content, mode=mode, use_multipart=False)
        ask(put)

    def _stream(self) -> Any:
        """Return what the library tells of `objects`, a request at a time."""
        prefix = f"{self.key}/" if self.key else None
        return library().list(self._client, prefix, chunk_size=1000)

    def _places(self, found: Sequence[Any]) -> list[Self]:
        return [type(self)(self.scheme, self.bucket, entry["path"]) for entry in found]

    @property
    def _client(self) -> Any:
        return bucket_client(self.scheme, self.bucket)


def is_object_url(text: str) -> bool:
    """Return whether a user has named a place in object storage."""
    return text.partition("://")[0] in SCHEMES and "://" in text


def object_place(url: str, *, option: str) -> ObjectPlace:
    """Return the place that a user named with a URL; nobody is asked yet.

    Raises:
        ConfigurationError: it names no bucket, or more than a place.
    """
    scheme, _, rest = url.partition("://")
    parts = [part for part in rest.split("/") if part]
    count = 2 if scheme == "az" else 1  # an account and a container
    if len(parts) < count or set(parts) & {".", ".."} or any(c in rest for c in "?#@"):
        what = "ACCOUNT/CONTAINER" if scheme == "az" else "BUCKET"
        raise ConfigurationError(
            f"--{option}: write {scheme}://{what}/FOLDER, without credentials; those are read "
            "from the environment."
        )
    return ObjectPlace(scheme, "/".join(parts[:count]), "/".join(parts[count:]))


def _state(meta: Any) -> ObjectState:
    names = ("e_tag", "version")
    version = {name: str(meta[name]) for name in names if meta[name] is not None}
    return ObjectState(meta["size"], version, meta["last_modified"].timestamp())
