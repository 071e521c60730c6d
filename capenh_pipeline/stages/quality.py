"""Whether the captions of a dataset can be trusted: a verdict on each thing that may be wrong."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from capenh_pipeline.domain.monotony import OPENING_WORDS, SAME_OPENING, SAME_TEXT
from capenh_pipeline.export.differences import Difference, differences
from capenh_pipeline.stages.caption_files import wanted_files
from capenh_pipeline.stages.captions import captions
from capenh_pipeline.stages.ledger import ledger_of
from capenh_pipeline.stages.run import Run
from capenh_pipeline.stages.run_scan import scanned
from capenh_pipeline.stages.sidecar_plan import names_of
from capenh_pipeline.stages.store_check import check_store
from capenh_pipeline.stages.survey import EXAMPLES, Rows, Survey
from capenh_pipeline.stages.written_files import LedgerCopies, WrittenFiles


@dataclass(frozen=True)
class Verdict:
    """What was found out about one thing.

    Attributes:
        sentence: what is so, for people.
        passed: whether that is as it should be.
        is_serious: whether the captions should not be used as they are.
        numbers: counts and shares by name.
        rows: the first of those that are not as they should be; all have the same columns.
    """

    sentence: str
    passed: bool = True
    is_serious: bool = True
    numbers: dict[str, float] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)


def store_opens(run: Run) -> Verdict:
    """Read every part of the store, and say which cannot be read or are in the wrong place."""
    looked = Counter[str]()
    found = [one for damage in check_store(run, looked, is_alone=False) for one in damage.findings]
    sentence = "; ".join(f"{count:,} {name} were read" for name, count in looked.items())
    if not found:
        return Verdict(f"{sentence or 'The store is empty'}.", numbers=dict(looked))
    rows = [{"kind": x.kind, "path": str(x.path), "meaning": x.meaning} for x in found[:EXAMPLES]]
    return Verdict(
        f"{len(found):,} things are wrong with the store; capenh store check --repair mends them.",
        passed=False,
        numbers={**looked, "wrong": len(found)},
        rows=rows,
    )


def all_have_captions(found: Survey, table: str) -> Verdict:
    """Say which images have no current caption in a table.

    That a caption failed is known, and told by the failure rate too: a warning. One that nobody
    tried is serious: the run has stopped, or the options are others than those of the last run.
    """
    lacking, untried = found.lacking[table], found.untried[table]
    there = found.images - lacking.count
    return Verdict(
        f"{there:,} of {found.images:,} images have a current caption; {untried:,} were not tried.",
        passed=not lacking.count,
        is_serious=bool(untried),
        numbers={"images": found.images, "lacking": lacking.count, "untried": untried},
        rows=lacking.examples,
    )


def failure_rate(found: Survey, table: str, *, limit: float) -> Verdict:
    """Say how many of the images failed, in which way."""
    failed = found.failed[table]
    rate = failed.count / max(found.images, 1)
    kinds = ", ".join(f"{kind} {count:,}" for kind, count in found.kinds[table].most_common())
    return Verdict(
        f"{rate:.2%} of {found.images:,} images failed{f' ({kinds})' if kinds else ''}; "
        f"{limit:.2%} may.",
        passed=rate <= limit,
        numbers={"images": found.images, "failed": failed.count, "failure_rate": rate},
        rows=failed.examples,
    )


def captions_differ(found: Survey, table: str) -> Verdict:
    """Say which captions are empty, or the same on too many images, or all begin alike.

    An opening that all have is only a warning: some models have one, and it does no harm to some
    uses.
    """
    empty = found.empty[table]
    same = _frequent(found, table, "texts", SAME_TEXT, "same text")
    alike = _frequent(found, table, "starts", SAME_OPENING, "same opening")
    faults = [
        *([f"{empty.count:,} say nothing"] if empty.count else []),
        *(f"{row['share']} are one text" for row in same),
        *(f"{row['share']} begin with “{row['text']}”" for row in alike),
    ]
    nothing = [{"fault": "empty", "share": "", "text": "", **row} for row in empty.examples]
    return Verdict(
        f"{'; '.join(faults)}." if faults else _differing(),
        passed=not faults,
        is_serious=bool(empty.count or same),
        numbers={"empty": empty.count, "same_texts": len(same), "same_openings": len(alike)},
        rows=[*same, *alike, *nothing][:EXAMPLES],
    )


def _differing() -> str:
    return (
        f"No caption is empty, none is on more than {SAME_TEXT:.0%} of the images, and no more "
        f"than {SAME_OPENING:.0%} begin with the same {OPENING_WORDS} words."
    )


def _frequent(
    found: Survey, table: str, tallies: str, share: float, fault: str
) -> list[dict[str, Any]]:
    return [
        {"fault": fault, "share": f"{row.share:.0%}", "text": row.text, "path": row.path}
        for (name, _), tally in getattr(found, tallies).items()
        if name == table
        for row in tally.above(share)
    ]


def files_match(run: Run) -> Verdict:
    """Say which caption files do not hold the captions of the store.

    A file that a person wrote or edited is as it should be.
    """
    wrong, edited, files = Rows(), 0, 0
    copies = LedgerCopies(run)
    for shard in run.shards:
        one = run.of_shard(shard)
        images = captions(one)
        wanted = wanted_files(one, images, names_of(one, images["path"], scanned(run).names))
        doubtful = WrittenFiles(one, copies).without_unchanged(wanted)
        files += wanted.height
        found = [*differences(doubtful, ledger_of(run, doubtful), root=run.dataset)]
        edited += sum(difference is Difference.EDITED for _, difference in found)
        faults = [one for one in found if one[1] is not Difference.EDITED]
        wrong.add(pl.DataFrame(faults, schema=["path", "what"], orient="row"))
    return Verdict(
        f"{files - wrong.count:,} of {files:,} caption files are as they should be; "
        f"{edited:,} of them were written or edited by a person.",
        passed=not wrong.count,
        numbers={"files": files, "wrong": wrong.count, "edited": edited},
        rows=wrong.examples,
    )
