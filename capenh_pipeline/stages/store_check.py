"""Whether a store is sound, and says the truth about the files beside it."""

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from capenh_pipeline.dataset.scan import file_path
from capenh_pipeline.domain.identity import sha256_hex
from capenh_pipeline.domain.schemas import CAPTION_FILES, IMAGE_MANIFEST, SCAN_INDEX
from capenh_pipeline.engines.read_ahead import read_ahead
from capenh_pipeline.models.torch_threads import usable_cores
from capenh_pipeline.places.containers import is_gone, read_member
from capenh_pipeline.places.file_state import object_state
from capenh_pipeline.places.object_place import ObjectPlace
from capenh_pipeline.places.place import Place, each
from capenh_pipeline.stages.run import Run
from capenh_pipeline.tables.audit import (
    Damage,
    Finding,
    audit_leftovers,
    audit_parts,
    audit_temporaries,
    temporaries,
)

LEDGER, HASH = "LEDGER", "HASH"

_TEMPORARY = re.compile(r"\.tmp-[0-9a-f]{32}")
_BOOL = pl.Boolean
_STAT = ["size_bytes", "mtime_ns", "ctime_ns"]


def check_store(run: Run, looked: Counter[str], *, is_alone: bool) -> Iterator[Damage]:
    """Yield what is wrong with the store itself.

    Args:
        run: its store.
        looked: counts what was looked at, by name.
        is_alone: whether nobody is at work on the store, so that what is unfinished was left.

    Raises:
        StoreError: a folder cannot be read.
    """
    yield from audit_parts(run.store, looked)
    if is_alone:
        yield from audit_leftovers(run.store)
        yield from audit_temporaries(run.store.root)


def check_caption_files(run: Run, looked: Counter[str], *, is_alone: bool) -> Iterator[Damage]:
    """Yield what the ledger says of caption files that is not so; see `check_store`.

    A file that is being written stands in the ledger before it is there.
    """
    table = run.store.table(CAPTION_FILES)
    begun: set[Place] = set()
    for key in table.shards():
        rows = table.read([key], columns=["path", "path_bytes", "path_hash", "size_bytes"])
        looked["caption files"] += rows.height
        unfinished = rows.filter(pl.col("size_bytes").is_null())
        begun |= {_file(run, row).parent for row in unfinished.iter_rows(named=True)}
        gone = gone_files(run, rows if is_alone else rows.drop_nulls("size_bytes"))
        if gone.height:
            yield _ledger_damage(run, gone)
    if is_alone:
        folders = [folder for folder in begun if isinstance(folder, Path)]
        found = [path for folder in folders for path in folder.glob(".tmp-*")]
        yield from temporaries([path for path in sorted(found) if _TEMPORARY.fullmatch(path.name)])


def check_hashes(run: Run, looked: Counter[str]) -> Iterator[Damage]:
    """Yield the images that have another content than the manifest says; each is read."""
    manifest = run.store.table(IMAGE_MANIFEST)
    known = run.store.table(SCAN_INDEX).read(columns=["path", "path_hash", *_STAT])
    columns = ["path", "path_bytes", "image_hash", "shard_hash"]
    hashed = manifest.read(columns=["image_hash"])["image_hash"].drop_nulls().len()
    with run.progress.stage("images to read", hashed) as step:
        for key in manifest.shards():
            rows = manifest.read([key], columns=columns).drop_nulls("image_hash")
            rows = rows.join(known, on="path", how="left", maintain_order="left")
            findings = _compare_all(run, rows, step)
            looked["images"] += rows.height
            wrong = rows.filter(pl.Series([found is not None for found in findings], dtype=_BOOL))
            if wrong.height:
                yield _hash_damage(run, wrong, [found for found in findings if found])


def holds_images(run: Run) -> bool:
    """Return whether any image of the manifest is there: a drive that is not mounted has none."""
    manifest = run.store.table(IMAGE_MANIFEST)
    return any(
        not is_gone(_file(run, row))
        for key in manifest.shards()
        for row in manifest.read([key], columns=["path", "path_bytes"]).iter_rows(named=True)
    )


def gone_files(run: Run, rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rows, with `path` and `path_bytes`, whose files are not there."""
    files = [_file(run, row) for row in rows.iter_rows(named=True)]
    return rows.filter(pl.Series(each(is_gone, files, places=[run.dataset]), dtype=_BOOL))


def _ledger_damage(run: Run, gone: pl.DataFrame) -> Damage:
    meaning = "a caption file that was written and is gone; a run writes it again if it is wanted"

    def forget() -> str:
        run.store.table(CAPTION_FILES).delete(gone)
        return f"entries removed from the ledger of caption files: {gone.height}"

    rows = gone.iter_rows(named=True)
    return Damage([Finding(LEDGER, _file(run, row), meaning) for row in rows], forget)


def _hash_damage(run: Run, wrong: pl.DataFrame, findings: list[Finding]) -> Damage:
    def forget() -> str:
        run.store.table(SCAN_INDEX).delete(wrong.drop_nulls("path_hash"))
        run.store.table(IMAGE_MANIFEST).delete(wrong)
        return f"images removed from the manifest, which the next run reads again: {wrong.height}"

    return Damage(findings, forget)


def _compare_all(run: Run, rows: pl.DataFrame, step: Callable[[], None]) -> list[Finding | None]:
    findings = []
    for finding in read_ahead(
        rows.iter_rows(named=True), partial(_compare, run), workers=usable_cores()
    ):
        findings.append(finding)
        step()
    return findings


def _compare(run: Run, row: dict[str, Any]) -> Finding | None:
    """Return what is wrong with an image's hash; None too where the file cannot be read."""
    file = _file(run, row)
    try:
        found = _content(file)
    except OSError:
        return None
    if found is None or found[0] == row["image_hash"]:
        return None
    is_unnoticed = found[1] == tuple(row[name] for name in _STAT)
    how = ", though its size and times have not: is the disk sound?" if is_unnoticed else ""
    return Finding(HASH, file, f"its content has changed since the last run{how}")


def _content(file: Place) -> tuple[str, tuple[int, ...]] | None:
    """Return the SHA-256 of a file, and its size and times; None if it is no regular file."""
    if not file.is_file():
        member = None if file.exists() else read_member(file)
        return None if member is None else (sha256_hex(member), ())
    if isinstance(file, ObjectPlace):
        content, state = file.read_version()
        return sha256_hex(content), object_state(state)[:3]
    with file.open("rb") as opened:
        content_hash = hashlib.file_digest(opened, "sha256").hexdigest()
    found = file.stat()
    return content_hash, (found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def _file(run: Run, row: dict[str, Any]) -> Place:
    return file_path(run.dataset, row["path"], row["path_bytes"])
