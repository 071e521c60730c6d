"""Asset checks: whether what the tables hold can be trusted.

They look at all shards, whatever a run computes: whether a caption is on too many images cannot be
told by a shard. They never stop a run, and an error of theirs is a check that failed.
"""

from collections.abc import Callable, Iterator
from functools import cache, partial

import dagster as dg

from capenh_pipeline.defs.names import Names
from capenh_pipeline.defs.resources import resource_names, resources_of
from capenh_pipeline.domain.schemas import (
    CAPTION_FILES,
    COMBINED_CAPTIONS,
    IMAGE_MANIFEST,
    VLM_CAPTIONS,
)
from capenh_pipeline.errors import CapenhError
from capenh_pipeline.stages import quality
from capenh_pipeline.stages.quality import Verdict
from capenh_pipeline.stages.run import Run
from capenh_pipeline.stages.survey import survey

STORE_OPENS = "store_opens"
ALL_HAVE_CAPTIONS = "all_images_have_captions"
FAILURE_RATE = "failure_rate"
CAPTIONS_DIFFER = "captions_differ"
FILES_MATCH = "files_match_the_store"

MOST_TEXT = 300
"""Characters of a cell in the table of the rows that break a check."""

_DESCRIPTIONS = {
    STORE_OPENS: "Every part of the store can be read and lies in its shard.",
    ALL_HAVE_CAPTIONS: (
        "Every image of the manifest has a caption of the recipes that the options want. "
        "Error: captions were not even tried. Warning: all that are missing have failed."
    ),
    FAILURE_RATE: "No more images failed than `CAPENH_MAX_FAILURE_RATE` allows.",
    CAPTIONS_DIFFER: (
        "No caption is empty, none is on more than 20 % of the images (error), and no more than "
        "80 % of them begin with the same words (warning)."
    ),
    FILES_MATCH: "Every caption is in its file, unless a person wrote or edited that.",
}
_CAPTION_CHECKS = (ALL_HAVE_CAPTIONS, FAILURE_RATE, CAPTIONS_DIFFER)
CHECKS = {
    IMAGE_MANIFEST.name: (STORE_OPENS, FAILURE_RATE),
    VLM_CAPTIONS.name: _CAPTION_CHECKS,
    COMBINED_CAPTIONS.name: _CAPTION_CHECKS,
    CAPTION_FILES.name: (FILES_MATCH,),
}
"""The checks of each asset."""


def caption_checks(names: Names, max_failure_rate: float) -> dg.AssetChecksDefinition:
    """Return the checks; they look at the tables once, for all that are wanted.

    Args:
        names: of the dataset.
        max_failure_rate: share of images that may fail.
    """
    specs = [
        dg.AssetCheckSpec(check, asset=names.key(asset), description=_DESCRIPTIONS[check])
        for asset, checks in CHECKS.items()
        for check in checks
    ]

    @dg.multi_asset_check(
        name=names.name("caption_checks"),
        specs=specs,
        can_subset=True,
        required_resource_keys=resource_names(names),
    )
    def check(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        opened = cache(lambda: _opened(context, names))
        verdicts = _verdicts(opened, max_failure_rate)
        for key in sorted(context.selected_asset_check_keys):
            asset = key.asset_key.path[-1]
            yield _result(key, partial(verdicts[key.name], asset))

    return check


def _opened(context: dg.AssetCheckExecutionContext, names: Names) -> Run:
    options, outside = resources_of(context, names)
    return outside.open_run(options, run_id=context.run.run_id)


def _verdicts(
    opened: Callable[[], Run], max_failure_rate: float
) -> dict[str, Callable[[str], Verdict]]:
    """Return what comes to a verdict on an asset, by check; nothing is looked at twice."""
    surveyed = cache(lambda: survey(opened()))

    return {
        STORE_OPENS: lambda _: quality.store_opens(opened()),
        ALL_HAVE_CAPTIONS: lambda asset: quality.all_have_captions(surveyed(), asset),
        FAILURE_RATE: lambda asset: quality.failure_rate(surveyed(), asset, limit=max_failure_rate),
        CAPTIONS_DIFFER: lambda asset: quality.captions_differ(surveyed(), asset),
        FILES_MATCH: lambda _: quality.files_match(opened()),
    }


def _result(key: dg.AssetCheckKey, judge: Callable[[], Verdict]) -> dg.AssetCheckResult:
    try:
        verdict = judge()
    except (CapenhError, OSError) as error:
        verdict = Verdict(f"This cannot be told: {error}", passed=False)
    rows = {"rows_that_break_it": _table(verdict)} if verdict.rows else {}
    return dg.AssetCheckResult(
        asset_key=key.asset_key,
        check_name=key.name,
        passed=verdict.passed,
        severity=dg.AssetCheckSeverity.ERROR if verdict.is_serious else dg.AssetCheckSeverity.WARN,
        description=verdict.sentence,
        metadata={**verdict.numbers, **rows},
    )


def _table(verdict: Verdict) -> dg.TableMetadataValue:
    records = [
        dg.TableRecord({name: str(cell)[:MOST_TEXT] for name, cell in row.items()})
        for row in verdict.rows
    ]
    columns = [dg.TableColumn(name) for name in verdict.rows[0]]
    return dg.MetadataValue.table(records, schema=dg.TableSchema(columns))
