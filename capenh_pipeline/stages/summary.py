"""What the command line says when a run is over."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import StringIO

import polars as pl
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from capenh_pipeline.domain.paths import one_line
from capenh_pipeline.places.place import Place

NAMED = 10
"""How many failed or kept files a summary names."""

_COLUMNS = ("computed", "reused", "failed")
_WIDTH = max(len("combined_captions"), len("image_manifest"))


@dataclass
class RunResult:
    """What a run reported, over all shards.

    Attributes:
        totals: counts by name, by asset.
        kept_files: the first caption files that people wrote, so that they were not replaced.
        run_id: of the run, as its rows have it.
    """

    totals: dict[str, Counter[str]] = field(default_factory=dict)
    kept_files: list[str] = field(default_factory=list)
    run_id: str = ""

    @property
    def combined(self) -> int:
        """Combined captions that were made."""
        return self.totals.get("combined_captions", Counter())["computed"]

    @property
    def failed(self) -> int:
        """Rows and caption files that failed, in this run or an earlier one."""
        return sum(counts["failed"] for counts in self.totals.values())

    @property
    def left(self) -> int:
        """Combined captions that were not asked for, because of what they would have cost."""
        return self.totals.get("combined_captions", Counter())["left"]


def summary(
    result: RunResult,
    failed: pl.DataFrame,
    *,
    details: Sequence[str],
    seconds: float,
    dataset: Place,
    store: Place,
) -> str:
    """Return the summary of a run, for a terminal.

    Args:
        result: what the run reported.
        failed: the rows of `stages.failures.failures`.
        details: more lines, on what was made.
        seconds: wall-clock time of the run.
        dataset: where the caption files are.
        store: where the tables are.
    """
    images = failed["path"].n_unique()
    reasons = [f"{path}: {stage}: {kind}: {text}" for path, stage, kind, text in failed.iter_rows()]
    files = result.totals.get("caption_files", Counter())
    all_there = not reasons and not result.left
    lines = [
        *_table(result.totals),
        "",
        _what_was_done(result, seconds, all_there=all_there),
        *details,
        f"Caption files: beside the images in {dataset}",
        f"Store: {store}",
        *_named("Kept, because a person wrote or edited them", result.kept_files, files["kept"]),
        *_named(f"Failed, in {images} image{'s' * (images != 1)}", reasons, len(reasons)),
    ]
    return "\n".join(lines)


def left_over(paths: Sequence[str]) -> list[str]:
    """Return the lines that name images whose combined captions were not asked for."""
    return _named("Left for the next run", paths, len(paths))


def _table(totals: Mapping[str, Mapping[str, int]]) -> list[str]:
    header = " ".join([" " * _WIDTH, "images".rjust(9), *(name.rjust(9) for name in _COLUMNS)])
    return [header] + [
        " ".join(
            [
                asset.ljust(_WIDTH),
                str(counts.get("images", 0)).rjust(9),
                *(str(counts.get(name, 0)).rjust(9) for name in _COLUMNS),
            ]
        )
        for asset, counts in totals.items()
    ]


def _what_was_done(result: RunResult, seconds: float, *, all_there: bool) -> str:
    totals = result.totals
    if not any(counts.get("computed", 0) for counts in totals.values()):
        lacking = "is left" if result.left else "has failed"
        state = "everything was there already" if all_there else f"what is not there {lacking}"
        return f"Nothing to do: {state} ({seconds:.1f} s)."
    vlm, llm = (totals.get(name, {}) for name in ("vlm_captions", "combined_captions"))
    return (
        f"Done in {seconds:.1f} s. Tokens: VLM {vlm.get('new_tokens', 0)}, "
        f"LLM {llm.get('prompt_tokens', 0)} in and {llm.get('completion_tokens', 0)} out."
    )


def _named(title: str, entries: Sequence[str], count: int) -> list[str]:
    if not entries:
        return []
    shown = [f"  {one_line(entry)}" for entry in entries[:NAMED]]
    rest = count - len(shown)
    return ["", f"{title} ({count}):", *shown, *([f"  … and {rest} more"] if rest > 0 else [])]


def caption_table(rows: pl.DataFrame, *, width: int) -> str:
    """Return the rows of `stages.captions.captions` as a table, `width` characters wide."""
    table = Table(box=box.HORIZONTALS, show_lines=True, expand=True)
    table.add_column("image", ratio=3)
    table.add_column("manual", ratio=3)
    table.add_column("VLM", ratio=8)
    table.add_column("combined", ratio=8)
    for path, manual, seen, caption in rows.select(
        "path", "manual_caption", "vlm_captions", "caption"
    ).iter_rows():
        table.add_row(*(Text(cell or "-") for cell in (path, manual, _seen(seen), caption)))
    console = Console(width=width, file=StringIO(), color_system=None)
    with console.capture() as captured:
        console.print(table)
    return captured.get()


def _seen(captions: Mapping[str, str | None] | None) -> str:
    """Return the VLM captions of an image as a cell: several stand under their names."""
    texts = captions or {}
    if len(texts) > 1:
        return "\n".join(f"{name}: {text or '-'}" for name, text in texts.items())
    return "".join(text or "" for text in texts.values())
