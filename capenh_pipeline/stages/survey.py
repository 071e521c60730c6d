"""What there is of the captions of a dataset, counted shard by shard, so that memory stays flat."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

import polars as pl

from capenh_pipeline.domain.monotony import Tally, openings
from capenh_pipeline.domain.schemas import COMBINED_CAPTIONS, VLM_CAPTIONS
from capenh_pipeline.stages.captions import captions
from capenh_pipeline.stages.failures import failures
from capenh_pipeline.stages.manifest_rows import manifest_rows
from capenh_pipeline.stages.run import Run

EXAMPLES = 20
"""How many rows that break a check are named."""

_UNTRIED = "It was not tried with the options of now; run again."


@dataclass
class Rows:
    """Rows that break a check: how many, and the first of them."""

    count: int = 0
    examples: list[dict[str, str]] = field(default_factory=list)

    def add(self, rows: pl.DataFrame) -> None:
        """Count rows, and keep them while there is room."""
        self.count += rows.height
        room = EXAMPLES - len(self.examples)
        self.examples += [{k: str(v) for k, v in row.items()} for row in rows.head(room).to_dicts()]


@dataclass
class Survey:
    """What was found; the mappings go by the name of a table.

    Attributes:
        images: files of the manifest.
        lacking: images without a current caption.
        untried: how many of these have not even failed.
        failed: images whose row failed.
        kinds: how many failed in which way.
        empty: captions that say nothing.
        texts: how often each text is there, by table and prompt.
        starts: the same of their first words.
    """

    images: int = 0
    lacking: dict[str, Rows] = field(default_factory=lambda: defaultdict(Rows))
    untried: Counter[str] = field(default_factory=Counter)
    failed: dict[str, Rows] = field(default_factory=lambda: defaultdict(Rows))
    kinds: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    empty: dict[str, Rows] = field(default_factory=lambda: defaultdict(Rows))
    texts: dict[tuple[str, str], Tally] = field(default_factory=lambda: defaultdict(Tally))
    starts: dict[tuple[str, str], Tally] = field(default_factory=lambda: defaultdict(Tally))


def survey(run: Run) -> Survey:
    """Look at the captions of the run's shards, of the recipes that its options want.

    Raises:
        StoreError: a part cannot be read.
    """
    found = Survey()
    for shard in run.shards:
        _look_at(run.of_shard(shard), found)
    return found


def _look_at(run: Run, found: Survey) -> None:
    files = manifest_rows(run).select("path", "image_hash")
    if files.is_empty():
        return
    found.images += files.height
    failed, said = failures(run), captions(run)
    for (stage,), rows in failed.group_by("stage"):
        some = rows.unique("path", keep="first", maintain_order=True)
        found.failed[str(stage)].add(some.select("path", "error_kind", "error"))
        found.kinds[str(stage)].update(some["error_kind"].to_list())
    seen = said["vlm_captions"].struct.unnest()
    all_seen = said.select("path").filter(
        seen.select(pl.all_horizontal(pl.all().is_not_null())).to_series()
    )
    to_see = failed.filter(pl.col("stage") != COMBINED_CAPTIONS.name)
    _find_lacking(found, VLM_CAPTIONS.name, files, all_seen, to_see)
    combined = said.drop_nulls("caption").select("path")
    _find_lacking(found, COMBINED_CAPTIONS.name, files, combined, failed)
    for name in seen.columns:
        _read(run, found, (VLM_CAPTIONS.name, name), said.with_columns(text=seen[name]))
    texts = said.rename({"caption": "text"})
    _read(run, found, (COMBINED_CAPTIONS.name, "caption"), texts)


def _find_lacking(
    found: Survey, table: str, files: pl.DataFrame, there: pl.DataFrame, failed: pl.DataFrame
) -> None:
    reasons = failed.unique("path", keep="first").select("path", "error_kind", "error")
    lacking = files.select("path").join(there, on="path", how="anti", maintain_order="left")
    explained = lacking.join(reasons, on="path", how="left", maintain_order="left")
    found.untried[table] += explained["error_kind"].null_count()
    shown = explained.with_columns(
        pl.col("error_kind").fill_null("missing"), pl.col("error").fill_null(_UNTRIED)
    )
    found.lacking[table].add(shown)


def _read(run: Run, found: Survey, key: tuple[str, str], said: pl.DataFrame) -> None:
    """Read the column `text`: of images with equal bytes once."""
    once = said.unique("image_hash", keep="first", maintain_order=True).drop_nulls("text")
    is_empty = once["text"].str.strip_chars() == ""
    found.empty[key[0]].add(once.filter(is_empty).select("path"))
    found.texts[key].add(once["text"], once["path"])
    starts = openings(once["text"], trigger_word=run.options.trigger_word)
    found.starts[key].add(starts, once["path"])
