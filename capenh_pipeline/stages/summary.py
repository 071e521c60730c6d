"""What the command line says when a run is over."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path

import polars as pl
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

NAMED = 10
"""How many failed or kept files a summary names."""

_COLUMNS = ("computed", "reused", "failed")
_WIDTH = max(len("combined_captions"), len("image_manifest"))


@dataclass
class RunResult:
    """What a run reported, over all shards.

    Attributes:
        totals: counts by name, by asset.
        kept_files: caption files that people wrote, so that they were not replaced.
    """

    totals: dict[str, Counter[str]] = field(default_factory=dict)
    kept_files: list[str] = field(default_factory=list)


def summary(result: RunResult, *, seconds: float, dataset: Path, store: Path) -> str:
    """Return the summary of a run, for a terminal.

    Args:
        result: what the run reported.
        seconds: wall-clock time of the run.
        dataset: where the caption files are.
        store: where the tables are.
    """
    lines = [*_table(result.totals), "", *_what_was_done(result.totals, seconds)]
    lines += [f"Caption files: beside the images in {dataset}", f"Store: {store}"]
    if result.kept_files:
        lines += ["", *_kept(result.kept_files)]
    return "\n".join(lines)


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


def _what_was_done(totals: Mapping[str, Mapping[str, int]], seconds: float) -> list[str]:
    computed = sum(counts.get("computed", 0) for counts in totals.values())
    llm = totals.get("combined_captions", {})
    if not computed:
        return [f"Nothing to do: everything was there already ({seconds:.1f} s)."]
    tokens = f"{llm.get('prompt_tokens', 0)} + {llm.get('completion_tokens', 0)} LLM tokens"
    return [f"Done in {seconds:.1f} s; {tokens} (prompt + answer)."]


def _kept(paths: Sequence[str]) -> list[str]:
    lines = [f"Kept, because a person wrote or edited them ({len(paths)}):"]
    lines += [f"  {path}" for path in paths[:NAMED]]
    return lines + ([f"  … and {len(paths) - NAMED} more"] if len(paths) > NAMED else [])


def caption_table(rows: pl.DataFrame, *, width: int) -> str:
    """Return the rows of `stages.captions.captions` as a table, `width` characters wide."""
    table = Table(box=box.HORIZONTALS, show_lines=True, expand=True)
    table.add_column("image", ratio=3)
    table.add_column("manual", ratio=3)
    table.add_column("VLM", ratio=8)
    table.add_column("combined", ratio=8)
    for cells in rows.select("path", "manual_caption", "vlm_caption", "caption").iter_rows():
        table.add_row(*(Text(cell or "-") for cell in cells))
    console = Console(width=width, file=StringIO(), color_system=None)
    with console.capture() as captured:
        console.print(table)
    return captured.get()


def failure_summary(failed: pl.DataFrame, *, list_command: str) -> str:
    """Return the first failures, and how to see them all.

    Args:
        failed: the rows of `stages.failures.failures`.
        list_command: the command that lists every failure.
    """
    images = failed["path"].n_unique()
    lines = ["", f"{images} image{'s' if images > 1 else ''} failed:"]
    lines += [
        f"  {path}: {stage}: {kind}: {error}"
        for path, stage, kind, error in failed.head(NAMED).iter_rows()
    ]
    if failed.height > NAMED:
        lines.append(f"  … and {failed.height - NAMED} more")
    lines += [f"All of them: {list_command}", "To try them again: --retry_failed"]
    return "\n".join(lines)
