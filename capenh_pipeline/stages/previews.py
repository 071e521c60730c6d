"""What people look at after a run: a few captions beside their images, and a few failures.

A preview is found once for each state of a shard and then kept, so that a run with nothing to do
can show it again without reading a caption or an image.
"""

import base64
from collections.abc import Iterable, Iterator
from typing import Any, TypedDict

import polars as pl

from capenh_pipeline.dataset.scan import file_path
from capenh_pipeline.dataset.thumbnails import thumbnail
from capenh_pipeline.domain.schemas import (
    COMBINED_CAPTIONS,
    IMAGE_MANIFEST,
    VLM_CAPTIONS,
    TableSchema,
)
from capenh_pipeline.errors import RowError
from capenh_pipeline.stages.captions import captions
from capenh_pipeline.stages.combined_captions import llm_choice
from capenh_pipeline.stages.failures import failures
from capenh_pipeline.stages.manifest_rows import folder_prompts
from capenh_pipeline.stages.run import Report, Run
from capenh_pipeline.stages.settling import fingerprint, may_settle, parts_of_tables
from capenh_pipeline.stages.vlm_captions import vlm_choice

TABLES = (IMAGE_MANIFEST, VLM_CAPTIONS, COMBINED_CAPTIONS)
"""The tables with previews; each shows what it and those before it hold."""

SAMPLES_OF_SHARD = {1: 2, 2: 1}
"""How many captions of a shard are shown, by the digits of its name: there are 16 or 256."""

EXAMPLES_OF_KIND = 3
MOST_TEXT = 300
"""Characters of a caption, path or reason that are shown."""


class Preview(TypedDict):
    """What is shown of a shard.

    Attributes:
        samples: `path`, `thumbnail` (JPEG in base64, or ""), `manual`, `vlm`, `combined`.
        failures: `kind`, `count` and `examples` (`path` and `error`), the most frequent first.
    """

    samples: list[dict[str, str]]
    failures: list[dict[str, Any]]


def previews(run: Run, schema: TableSchema, report: Report) -> dict[str, Preview]:
    """Return the previews of the run's shards that hold an image.

    Args:
        run: over some shards.
        schema: one of `TABLES`.
        report: of the stage that has just filled it.
    """
    kept, recipes = run.store.settled(f"previews_of_{schema.name}"), _recipes(run)
    found: dict[str, Preview] = {}
    shards = [shard for shard in run.shards if report.shards[shard]["images"]]
    for shard, stamp in _stamps(run.of_shards(shards), schema, recipes).items():
        preview = kept.get(shard, stamp) if may_settle(run) else None
        if preview is None:
            preview = _preview(run.of_shard(shard), schema, report.shards[shard])
            kept.put(shard, stamp, preview)
        found[shard] = preview
    if may_settle(run):
        kept.save()
    return found


def _recipes(run: Run) -> list[str]:
    asked = vlm_choice(run, folder_prompts(run)).all_prompts
    return [*(one.recipe.hash for one in asked), llm_choice(run).recipe.hash]


def _stamps(run: Run, schema: TableSchema, recipes: list[str]) -> dict[str, str]:
    tables = TABLES[: TABLES.index(schema) + 1]
    parts = parts_of_tables(run, tables, run.shards)
    return {shard: fingerprint(run, recipes, names) for shard, names in parts.items()}


def _preview(run: Run, schema: TableSchema, counts: dict[str, int]) -> Preview:
    return Preview(
        samples=[] if schema is IMAGE_MANIFEST else [*_samples(run, schema)],
        failures=_failures(failures(run), schema) if counts["failed"] else [],
    )


def _samples(run: Run, schema: TableSchema) -> Iterator[dict[str, str]]:
    """Yield captions of the shard: what this run made first, then those with a manual caption."""
    rows = run.store.table(schema).read(run.shards, columns=["image_hash", "run_id"])
    made = rows.filter(pl.col("run_id") == run.run_id)["image_hash"].implode()
    wanted = "caption" if schema is COMBINED_CAPTIONS else "vlm_captions"
    shown = (
        captions(run)
        .drop_nulls(wanted)
        .unique("image_hash", keep="first", maintain_order=True)
        .sort(
            pl.col("image_hash").is_in(made),
            pl.col("manual_caption").is_not_null(),
            "image_hash",
            descending=[True, True, False],
        )
    )
    for row in shown.head(SAMPLES_OF_SHARD[run.store.shard_digits]).iter_rows(named=True):
        yield {
            "path": row["path"][:MOST_TEXT],
            "thumbnail": _thumbnail(run, row),
            "manual": _cut(row["manual_caption"]),
            "vlm": _cut(_seen(row["vlm_captions"])),
            "combined": _cut(row["caption"]) if schema is COMBINED_CAPTIONS else "",
        }


def _thumbnail(run: Run, row: dict[str, Any]) -> str:
    file = file_path(run.dataset, row["path"], row["path_bytes"])
    options = run.options
    try:
        content = thumbnail(
            file,
            image_hash=row["image_hash"],
            background=options.background,
            timeout_s=options.image_timeout_s,
        )
    except RowError:
        return ""
    return base64.b64encode(content).decode()


def _seen(texts: dict[str, str | None]) -> str:
    if len(texts) == 1:
        return next(iter(texts.values())) or ""
    return "; ".join(f"{name}: {text or '-'}" for name, text in texts.items())


def _failures(failed: pl.DataFrame, schema: TableSchema) -> list[dict[str, Any]]:
    own = failed.filter(pl.col("stage") == schema.name)
    kinds = own["error_kind"].value_counts(sort=True)
    return [
        {
            "kind": kind,
            "count": count,
            "examples": [
                {"path": _cut(path), "error": _cut(error)}
                for path, error in own.filter(pl.col("error_kind") == kind)
                .select("path", "error")
                .head(EXAMPLES_OF_KIND)
                .iter_rows()
            ],
        }
        for kind, count in kinds.iter_rows()
    ]


def _cut(text: str | None) -> str:
    text = text or ""
    return text if len(text) <= MOST_TEXT else f"{text[:MOST_TEXT]}…"


def together(found: Iterable[Preview], *, samples: int) -> Preview:
    """Return one preview of several: of each the first sample, then of each the second."""
    some = [*found]
    places = range(max((len(one["samples"]) for one in some), default=0))
    in_turn = [
        one["samples"][place] for place in places for one in some if place < len(one["samples"])
    ]
    kinds: dict[str, dict[str, Any]] = {}
    for failed in (failed for one in some for failed in one["failures"]):
        kind = kinds.setdefault(failed["kind"], {**failed, "count": 0, "examples": []})
        kind["count"] += failed["count"]
        kind["examples"] = (kind["examples"] + failed["examples"])[:EXAMPLES_OF_KIND]
    ordered = sorted(kinds.values(), key=lambda kind: -kind["count"])
    return Preview(samples=in_turn[:samples], failures=ordered)
