"""What was found complete: a note of each shard, so that nobody need look again."""

import json
import uuid
from collections.abc import Collection
from typing import Any

from capenh_pipeline.places.place import Place, make_place, write_file
from capenh_pipeline.tables.faults import writing

_FORGOTTEN = "forgotten"  # the key of what tells the last forgetting from others


class Settled:
    """A value for each shard, kept in one JSON file, that holds as long as a fingerprint does.

    A fingerprint stands for everything that the value was found from: immutable parts are named,
    other things are hashed. Without the file, or where it is damaged, nothing is settled, and all
    is found again. Any number of processes may settle shards, others or the same.
    """

    def __init__(self, path: Place) -> None:
        self._path = path
        self._notes = _read(path)
        self._put: dict[str, Any] = {}

    def get(self, shard: str, fingerprint: str) -> Any:
        """Return the value of a shard, None if it was settled otherwise or not at all."""
        note = self._put.get(shard, self._notes.get(shard))
        if not isinstance(note, dict) or note.get("fingerprint") != fingerprint:
            return None
        return note.get("value")

    def put(self, shard: str, fingerprint: str, value: Any) -> None:
        """Settle a shard; `save` keeps it."""
        self._put[shard] = {"fingerprint": fingerprint, "value": value}

    def save(self) -> None:
        """Keep what was put, if that is news, beside what others have put meanwhile.

        Nothing is kept if anything was forgotten meanwhile: it may be what was put here.

        Raises:
            StoreError: the disk is full or cannot be written.
        """
        now = _read(self._path)
        notes = {**now, **self._put}
        if notes != now and now.get(_FORGOTTEN) == self._notes.get(_FORGOTTEN):
            self._write(notes)

    def forget(self, shards: Collection[str] | None = None) -> None:
        """Unsettle shards at once, None for all; whoever is at work on any must look again.

        Raises:
            StoreError: as in `save`.
        """
        if shards is not None and not shards:
            return
        notes = {} if shards is None else _read(self._path)
        for shard in shards or ():
            notes.pop(shard, None)
        self._write({**notes, _FORGOTTEN: uuid.uuid4().hex})

    def _write(self, notes: dict[str, Any]) -> None:
        with writing(self._path):
            make_place(self._path.parent)
            write_file(self._path, json.dumps(notes, indent=1).encode())


def _read(path: Place) -> dict[str, Any]:
    try:
        notes = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return notes if isinstance(notes, dict) else {}
