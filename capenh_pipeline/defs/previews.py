"""Previews as the UI shows them: Markdown tables, with the pictures in them.

What people, models and file names say is shown as it is written: no character of it is Markdown.
"""

import re
from collections.abc import Sequence

import dagster as dg

from capenh_pipeline.defs.looks import SCHEMAS
from capenh_pipeline.domain.paths import one_line
from capenh_pipeline.stages.previews import TABLES, Preview, previews, together
from capenh_pipeline.stages.run import Report, Run

SAMPLES_OF_RUN = 6
MOST_KINDS = 10

MOST_BYTES = 1000
"""Of a cell of text."""

_MARK = re.compile(r"[!-/:-@\[-`{-~]")
_HOST = re.compile(r"(?i)(?<=www)(?=&#46;)")
_COMMENT = "<!-- -->"

Metadata = dict[str, dg.MetadataValue]


def preview_metadata(run: Run, name: str, report: Report, *, last: str) -> dict[str, Metadata]:
    """Return what is shown of a step's shards, by shard.

    The materialization that comes `last` has a preview of all shards of the run too: it is the
    one that the asset's page shows.
    """
    schema = SCHEMAS[name]
    if schema not in TABLES:
        return {}
    found = previews(run, schema, report)
    shown = {shard: _shown(preview, "") for shard, preview in found.items()}
    if len(report.shards) > 1:
        by_work = sorted(found, key=lambda shard: not report.shards[shard]["computed"])
        whole = together([found[shard] for shard in by_work], samples=SAMPLES_OF_RUN)
        shown[last] = {**_shown(whole, "_of_all_shards"), **shown.get(last, {})}
    return shown


def _shown(preview: Preview, suffix: str) -> Metadata:
    tables = {"samples": _samples(preview), "failures": _failures(preview)}
    return {f"{name}{suffix}": dg.MetadataValue.md(text) for name, text in tables.items() if text}


def _samples(preview: Preview) -> str:
    rows = preview["samples"]
    texts = [name for name in ("manual", "vlm", "combined") if any(row[name] for row in rows)]
    titles = {"manual": "manual caption", "vlm": "VLM caption", "combined": "combined caption"}
    return _table(
        ["image", "file", *(titles[name] for name in texts)],
        [
            [_picture(row), _text(row["path"]), *(_caption(row[name]) for name in texts)]
            for row in rows
        ],
    )


def _picture(row: dict[str, str]) -> str:
    data = row["thumbnail"]
    return f"![](data:image/jpeg;base64,{data})" if data else "changed or gone"


def _failures(preview: Preview) -> str:
    kinds = preview["failures"][:MOST_KINDS]
    rows = [
        [_text(kind["kind"]), f"{kind['count']:,}", _text(row["path"]), _text(row["error"])]
        for kind in kinds
        for row in kind["examples"]
    ]
    left = len(preview["failures"]) - len(kinds)
    return _table(["kind", "images", "for example", "why"], rows) + (
        f"\n\n… and {left} more kinds" if left else ""
    )


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _caption(text: str) -> str:
    return _text(" ".join(text.split()))


def _text(text: str) -> str:
    """Return text that Markdown and HTML show as it is written, in one line of a table.

    Every mark of ASCII becomes a character reference. Addresses would still be made links after
    these are read: an empty comment, which nobody sees, parts them.
    """
    shown, room = [], MOST_BYTES
    for character in one_line(text):
        written = _written(character)
        room -= len(written.encode())
        if room < 0:
            shown.append("…")
            break
        shown.append(written)
    return _HOST.sub(_COMMENT, "".join(shown))


def _written(character: str) -> str:
    if not _MARK.fullmatch(character):
        return character
    return f"&#{ord(character)};{_COMMENT if character in ':@' else ''}"
