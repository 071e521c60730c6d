"""Parts: the immutable Parquet files that together are one shard of a table.

A part is named `part-<seq>-<unique>-<digest>.parquet`. Each row carries the `seq` of the part that
it was first written in. A new part takes the highest `seq` in the folder + 1, so that the order of
two writes never depends on a clock. The digest is the beginning of the SHA-256 of the part's bytes:
Parquet as polars writes it has no checksums, and a flipped bit may read as another caption. Parts
of older versions have none.
"""

import hashlib
import io
import re
import time
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from capenh_pipeline.files import TEMPORARY_PREFIX
from capenh_pipeline.places.object_place import ObjectPlace
from capenh_pipeline.places.place import Place, make_place, write_new_file
from capenh_pipeline.tables.faults import reading, writing

_NAME = re.compile(r"part-(\d+)-.+\.parquet")
_NAME_WITH_DIGEST = re.compile(r"part-\d+-[0-9a-f]{32}-([0-9a-f]{16})\.parquet")
_DIGEST_LETTERS = 16
_STALE_TEMPORARY_S = 3600


@dataclass(frozen=True, order=True)
class Part:
    """One Parquet file of a shard; parts sort by age.

    Attributes:
        seq: the highest `seq` of its rows.
    """

    seq: int
    path: Place

    @property
    def digest(self) -> str | None:
        """Return the digest of the bytes that were written, None if the name has none."""
        match = _NAME_WITH_DIGEST.fullmatch(self.path.name)
        return match and match[1]


def list_parts(folder: Place) -> list[Part]:
    """Return the parts in `folder`, oldest first; none when the folder is missing.

    A folder that changes while it is listed may show neither a merged part nor all of those that
    it replaces. A merged part is there before any of the others goes, so two equal listings one
    after the other are complete.
    """
    with reading(folder):
        parts = _list_once(folder)
        while (again := _list_once(folder)) != parts:
            parts = again
    return parts


def _list_once(folder: Place) -> list[Part]:
    try:
        return _parts_among(folder.iterdir())
    except FileNotFoundError:
        return []


def _parts_among(paths: Iterable[Place]) -> list[Part]:
    names = [(_NAME.fullmatch(path.name), path) for path in paths]
    return sorted(Part(int(match[1]), path) for match, path in names if match)


def list_parts_of_all(folders: Sequence[Place]) -> list[list[Part]]:
    """Return the parts in each of some folders of one table, as `list_parts` does.

    In object storage one request lists what is in many folders, and many take their time.
    """
    first = folders[0] if len(folders) > 1 else None
    if not isinstance(first, ObjectPlace):
        return [list_parts(folder) for folder in folders]
    with reading(first.parent):
        parts = _parts_among(first.parent.objects())
        while (again := _parts_among(first.parent.objects())) != parts:
            parts = again
    found: dict[Place, list[Part]] = {folder: [] for folder in folders}
    for part in parts:
        if part.path.parent in found:
            found[part.path.parent].append(part)
    return [found[folder] for folder in folders]


def next_seq(parts: Sequence[Part]) -> int:
    """Return the sequence number for the part to be written after `parts`."""
    return parts[-1].seq + 1 if parts else 1


def write_part(folder: Place, rows: pl.DataFrame, *, seq: int) -> None:
    """Store `rows` as one new part; it is durable when this returns.

    Raises:
        StoreError: the disk is full or cannot be written; no part of a part is left.
    """
    content = io.BytesIO()
    rows.write_parquet(content, compression="zstd")
    written = content.getvalue()
    digest = hashlib.sha256(written).hexdigest()[:_DIGEST_LETTERS]
    path = folder / f"part-{seq:012d}-{uuid.uuid4().hex}-{digest}.parquet"
    with writing(folder):
        make_place(folder)
        write_new_file(path, written)


def sound_source(part: Part) -> Path | bytes:
    """Return what polars is to read a part from: its path, or its bytes from object storage.

    Raises:
        OSError: it cannot be read, or its bytes are not those that were written, as far as that is
            known: polars would read other captions there, or abort the process.
    """
    if not isinstance(part.path, Path):
        content = part.path.read_bytes()
        _check_digest(part, hashlib.sha256(content).hexdigest())
        return content
    if part.digest is not None:
        with part.path.open("rb") as file:
            _check_digest(part, hashlib.file_digest(file, "sha256").hexdigest())
    return part.path


def _check_digest(part: Part, found: str) -> None:
    if part.digest not in (None, found[:_DIGEST_LETTERS]):
        raise OSError("its bytes are not those that were written: is the disk sound?")


def delete_parts(parts: Sequence[Part]) -> None:
    """Delete `parts`, oldest first.

    The order matters where two processes wrote the same key under the same `seq`: the row in the
    part that sorts last wins, so the loser must go first if we are stopped half-way.
    """
    for part in parts:
        with writing(part.path):
            part.path.unlink(missing_ok=True)


def delete_stale_temporaries(folder: Place) -> None:
    """Delete the temporary files that dead writers have left in `folder`.

    A live writer's file is seconds old; one whose age is over an hour has no writer any more. In
    object storage there are none.
    """
    if isinstance(folder, ObjectPlace):
        return
    oldest_live = time.time() - _STALE_TEMPORARY_S
    with writing(folder):
        for temporary in folder.glob(f"{TEMPORARY_PREFIX}*"):
            try:
                if temporary.stat().st_mtime < oldest_live:
                    temporary.unlink(missing_ok=True)
            except FileNotFoundError:  # its writer has renamed it since it was listed
                continue
