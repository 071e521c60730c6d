"""`store.json`: what a store says about itself, its format, its shards and perhaps its dataset."""

import json
from typing import Any

from capenh_pipeline.domain.schemas import TABLES
from capenh_pipeline.errors import StoreError
from capenh_pipeline.places.place import Place, change_file, create_file, is_same_place, write_file
from capenh_pipeline.tables.faults import reading, writing

FORMAT = 1
MARKER = "store.json"
STORE_FOLDER = ".capenh"
"""The name of a store that lies in its dataset."""

Marker = dict[str, Any]


def create_marker(root: Place, *, shard_digits: int, dataset: Place | None) -> None:
    """Write the marker of a new store, unless another process has just done so.

    Raises:
        OSError: it cannot be written.
        StoreError: the store is not new.
    """
    check_not_lost(root)
    create_file(root / MARKER, _content(_new(shard_digits, dataset)))


def check_not_lost(root: Place) -> None:
    """Make sure that a folder without a marker holds no rows: nobody knows in which shards.

    Raises:
        StoreError: it does.
        OSError: the folder cannot be read.
    """
    marker = root / MARKER
    if shard_folders(root) and not marker.exists():  # after the folders: it is older than they are
        raise StoreError(f"{marker} is missing; capenh store check --repair writes it anew.")


def is_store(root: Place) -> bool:
    """Return whether there is a marker, or at least what one would stand for.

    Raises:
        StoreError: the folder cannot be read.
    """
    with reading(root):
        return (root / MARKER).exists() or bool(shard_folders(root))


def shard_folders(root: Place) -> list[Place]:
    """Return the folders of the shards of all tables, whether they count or not."""
    return [folder for schema in TABLES for folder in (root / schema.name).glob("shard=*")]


def restore_marker(root: Place, *, shard_digits: int, dataset: Place | None) -> None:
    """Write the marker of a store that has lost it.

    Raises:
        StoreError: it cannot be written.
    """
    _replace(root, _new(shard_digits, dataset))


def change_shard_digits(root: Place, shard_digits: int) -> None:
    """Say that the rows lie in other shards from now on; a crash leaves the old or the new number.

    Raises:
        StoreError: the marker cannot be read or written.
    """
    marker = read_marker(root)
    with writing(root):
        change_file(root / MARKER, lambda _: _content({**marker, "shard_digits": shard_digits}))


def read_marker(root: Place) -> Marker:
    """Return what the marker says; `shard_digits` is 1 or 2.

    Raises:
        StoreError: it is missing, damaged, or of another format.
    """
    path = root / MARKER
    with reading(path):
        content = path.read_bytes()
    marker = _parsed(content, root)
    if marker is None:
        raise StoreError(
            f"{path} is damaged; capenh store check --repair restores it, or use another --store."
        )
    return marker


def is_marker_sound(root: Place) -> bool:
    """Return whether there is a marker that says how many shards the store has.

    Raises:
        StoreError: it cannot be read, or is of another format.
    """
    path = root / MARKER
    with reading(path):
        return path.exists() and _parsed(path.read_bytes(), root) is not None


def check_marker(marker: Marker, root: Place, *, shard_digits: int, dataset: Place | None) -> None:
    """Make sure that a store is the one that somebody wants to open.

    Raises:
        StoreError: it has other shards, or belongs to another dataset.
    """
    stored, owner = marker["shard_digits"], marker.get("dataset") or _around(root)
    if stored != shard_digits:
        raise StoreError(
            f"The store {root} has {_count(stored)}, and {_count(shard_digits)} were asked for; "
            f"set CAPENH_SHARD_DIGITS={stored} or use another --store."
        )
    if dataset is not None and owner is not None and not is_same_place(str(owner), dataset):
        raise StoreError(
            f"The store {root} belongs to the dataset {owner}; use another --store for {dataset} "
            f'(or, if that is the same one and was moved, set "dataset" in {root}/{MARKER} to it).'
        )


def _around(root: Place) -> str | None:
    """Return the dataset in which a store of the usual name lies; its marker need not name it."""
    return str(root.parent) if root.name == STORE_FOLDER else None


def _new(shard_digits: int, dataset: Place | None) -> Marker:
    marker = {"format": FORMAT, "shard_digits": shard_digits}
    return marker if dataset is None else {**marker, "dataset": str(dataset)}


def _content(marker: Marker) -> bytes:
    return json.dumps(marker).encode() + b"\n"


def _replace(root: Place, marker: Marker) -> None:
    with writing(root):
        write_file(root / MARKER, _content(marker))


def _parsed(content: bytes, root: Place) -> Marker | None:
    """Return what a marker says, None if it is damaged."""
    try:
        marker = json.loads(content)
    except (ValueError, RecursionError):
        return None
    if not isinstance(marker, dict) or "format" not in marker:
        return None
    if marker["format"] != FORMAT:
        raise StoreError(
            f"The store {root} has format {marker['format']}, and this version reads format "
            f"{FORMAT}; use the version that wrote it, or another --store."
        )
    return marker if marker.get("shard_digits") in (1, 2) else None


def _count(digits: int) -> str:
    return f"{16**digits} shards ({digits} {'digit' if digits == 1 else 'digits'})"
