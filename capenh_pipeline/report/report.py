"""A report of a dataset: what is read from the store, and the file that is made of it."""

import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from capenh_pipeline.domain.fusion.function_words import (
    FUNCTION_WORDS,
    NEGATORS,
    SPACELESS_FUNCTION_WORDS,
)
from capenh_pipeline.domain.fusion.words import language_of
from capenh_pipeline.domain.paths import one_line, stored_path
from capenh_pipeline.domain.schemas import FAILED, OK
from capenh_pipeline.errors import StoreError
from capenh_pipeline.files import make_folder, write_atomically
from capenh_pipeline.places.place import local_folder
from capenh_pipeline.report.edited import edited_texts
from capenh_pipeline.report.history import MOST_RUNS, run_history
from capenh_pipeline.report.links import file_link, folder_link
from capenh_pipeline.report.page import page
from capenh_pipeline.report.rows import report_rows
from capenh_pipeline.report.sources import Sources, sources_of
from capenh_pipeline.report.thumbnails import thumbnails
from capenh_pipeline.stages.manifest_rows import manifest_rows
from capenh_pipeline.stages.run import Run

REPORT_FILE = "report.html"
"""Its name in the store."""

_PLACES = 3
_WORDS = {
    "failed": "failed",
    "waiting": "not captioned yet",
    "fallback": "joined for want of a good answer",
    "edited": "edited by hand",
}


@dataclass(frozen=True)
class ReportFile:
    """A report that was written.

    Attributes:
        path: the page.
        size_bytes: its size.
        counts: `images`, and of those `ok`, `failed`, `waiting`, `fallback`, `edited`,
            `no_manual`.
        note: why its captions are not those that the options want; empty where they are.
    """

    path: Path
    size_bytes: int
    counts: Mapping[str, int]
    note: str

    def described(self) -> list[str]:
        """Return what there is in it as lines for people."""
        named = ("failed", "waiting", "fallback", "edited")
        parts = [f"{self.counts[name]} {_WORDS[name]}" for name in named if self.counts[name]]
        lines = [", ".join([f"{self.counts['images']} images", *parts]) + "."]
        if self.note:
            lines.append(f"These are the newest captions of the store: {self.note}.")
        return [*lines, f"Report: {printable(self.path)} ({self.size_bytes / 1e6:.1f} MB)"]


def write_report(run: Run, path: Path | None = None) -> ReportFile:
    """Write the report of a dataset, whole or not at all; the tables are only read.

    Args:
        run: over all shards.
        path: the page; None is `report.html` in the store.

    Raises:
        StoreError: the store cannot be read, or the page cannot be written.
    """
    path = path or local_folder(run.store.root, run.environment) / REPORT_FILE
    images = manifest_rows(run)
    sources = sources_of(run, images)
    rows = report_rows(run, images, sources)
    edited = edited_texts(run, rows)
    facts = _facts(run, path, sources)
    content = "".join(page(facts, _columns(run, rows, edited))).encode()
    _write(path, content)
    return ReportFile(path, len(content), _counts(rows, edited), sources.note)


def printable(path: Path) -> str:
    """Return a path as text that can be printed and stored, whatever its bytes are."""
    return one_line(stored_path(os.fsencode(path))[0])


def _write(path: Path, content: bytes) -> None:
    try:
        make_folder(path.parent)
        write_atomically(path, content)
    except OSError as error:
        raise StoreError(
            f"The report cannot be written to {printable(path)} ({error.strerror}); name another "
            f"file with --output."
        ) from error


def _facts(run: Run, path: Path, sources: Sources) -> dict[str, Any]:
    runs = run_history(run)
    return {
        "dataset": printable(Path(run.dataset.name or str(run.dataset))),
        "made": run.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
        "folder": folder_link(path, run.dataset),
        "recipes": sources.shown,
        "note": sources.note,
        "runs": runs[:MOST_RUNS],
        "olderRuns": max(0, len(runs) - MOST_RUNS),
        "littleWords": _little_words(run.options.caption_language),
    }


def _little_words(language: str | None) -> list[str]:
    """Return the words that the page never marks: they say nothing about an image."""
    code = language_of(language)
    nothing = frozenset[str]()
    words = FUNCTION_WORDS.get(code, nothing) | SPACELESS_FUNCTION_WORDS
    return sorted(words - NEGATORS.get(code, nothing))


def _columns(run: Run, rows: pl.DataFrame, edited: Mapping[str, str]) -> dict[str, list[Any]]:
    """Return what the page is told of each image; `data.js` says what the names mean."""
    small = thumbnails(run, rows)
    paths = rows.select("path", "path_bytes").iter_rows()
    return {
        "path": rows["path"].to_list(),
        "link": [content and file_link(path, content) for path, content in paths],
        "width": rows["width"].to_list(),
        "height": rows["height"].to_list(),
        "manual": rows["manual_caption"].to_list(),
        "seen": rows["seen"].to_list(),
        "caption": rows["caption"].to_list(),
        "state": rows["state"].to_list(),
        "fallback": [int(value or False) for value in rows["fallback"]],
        "retention": rows["retention"].round(_PLACES).to_list(),
        "support": rows["support"].round(_PLACES).to_list(),
        "why": _reasons(rows),
        "edited": [edited.get(path) for path in rows["path"]],
        "thumbnail": [small.get(image_hash or "") for image_hash in rows["image_hash"]],
    }


def _reasons(rows: pl.DataFrame) -> list[list[str | None] | None]:
    """Return stage, kind and sentence of what went wrong with each image, or None."""
    found = rows.select("stage", "error_kind", "error").iter_rows()
    return [[*reason] if any(reason) else None for reason in found]


def _counts(rows: pl.DataFrame, edited: Mapping[str, str]) -> dict[str, int]:
    states = Counter(rows["state"])
    return {
        "images": rows.height,
        "ok": states[OK],
        "failed": states[FAILED],
        "waiting": rows.height - states[OK] - states[FAILED],
        "fallback": int(rows["fallback"].sum()),
        "edited": len(edited),
        "no_manual": rows["manual_caption"].null_count(),
    }
