"""Hashes of big files, such as model weights, so that an unchanged file is read once."""

import hashlib
import json
from pathlib import Path
from typing import Any

from capenh_pipeline.files import write_atomically
from capenh_pipeline.tables.faults import writing


class FileHashes:
    """The SHA-256 of files, kept in one JSON file by path, size, mtime and ctime.

    ctime shows an edit that keeps the size and sets mtime back.
    """

    def __init__(self, path_of_json: Path) -> None:
        self._path_of_json = path_of_json

    def sha256_of(self, path: Path) -> str:
        """Return the SHA-256 of the file's bytes, 64 lower-case hex digits.

        Raises:
            OSError: the file cannot be read.
            StoreError: the hash cannot be stored.
        """
        name = str(path.resolve())
        version = _version_of(path)  # before its bytes: a change meanwhile is then a miss later
        known = self._load()
        entry = known.get(name)
        if isinstance(entry, dict) and entry.get("version") == version and "sha256" in entry:
            return str(entry["sha256"])
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        self._save(known | {name: {"version": version, "sha256": sha256}})
        return sha256

    def _load(self) -> dict[str, Any]:
        """Return the entries by path; a missing or damaged file has none."""
        try:
            entries = json.loads(self._path_of_json.read_bytes())
        except (OSError, ValueError):
            return {}
        return entries if isinstance(entries, dict) else {}

    def _save(self, entries: dict[str, Any]) -> None:
        with writing(self._path_of_json):
            write_atomically(self._path_of_json, json.dumps(entries, indent=1).encode())


def _version_of(path: Path) -> list[int]:
    stat = path.stat()
    return [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns]
