"""What was found complete: a note of each shard, so that nobody need look again."""

import json
from collections.abc import Iterable
from typing import Any

from capenh_pipeline.tables.faults import writing
from capenh_pipeline.tables.places import Place, make_place, write_file


class Settled:
    """A value for each shard, kept in one JSON file, that holds as long as a fingerprint does.

    A fingerprint stands for everything that the value was found from: immutable parts are named,
    other things are hashed. Without the file, or where it is damaged, nothing is settled, and all
    is found again.
    """

    def __init__(self, path: Place) -> None:
        self._path = path
        self._notes = _read(path)

    def get(self, shard: str, fingerprint: str) -> Any:
        """Return the value of a shard, None if it was settled otherwise or not at all."""
        note = self._notes.get(shard)
        if not isinstance(note, dict) or note.get("fingerprint") != fingerprint:
            return None
        return note.get("value")

    def put(self, shard: str, fingerprint: str, value: Any) -> None:
        """Settle a shard; `save` keeps it."""
        self._notes[shard] = {"fingerprint": fingerprint, "value": value}

    def forget(self, shards: Iterable[str] | None = None) -> None:
        """Unsettle shards, None for all; `save` keeps it."""
        for shard in [*self._notes] if shards is None else shards:
            self._notes.pop(shard, None)

    def save(self) -> None:
        """Keep what was put and forgotten, if that is news.

        Raises:
            StoreError: the disk is full or cannot be written.
        """
        if self._notes == _read(self._path):
            return
        with writing(self._path):
            make_place(self._path.parent)
            write_file(self._path, json.dumps(self._notes, indent=1).encode())


def _read(path: Place) -> dict[str, Any]:
    try:
        notes = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return notes if isinstance(notes, dict) else {}
