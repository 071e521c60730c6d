"""Caption files that could not be written: noted by a run, for who asks later what failed."""

import polars as pl

from capenh_pipeline.domain.identity import canonical_json
from capenh_pipeline.stages.run import Report, Run
from capenh_pipeline.tables.settled import Settled


def note_unwritten(run: Run, report: Report) -> None:
    """Keep what a run over these shards could not write, in the place of what an earlier one said.

    Raises:
        StoreError: the disk is full or cannot be written.
    """
    notes, names = _notes(run), _names(run)
    for shard in run.shards:
        notes.put(shard, names, report.failed_files.get(shard, []))
    notes.save()


def unwritten_files(run: Run) -> pl.DataFrame:
    """Return `path` of the image and `error` of each file that the last run could not write.

    If that run's options named its files otherwise, nothing is known.
    """
    notes, names = _notes(run), _names(run)
    found = [row for shard in run.shards for row in notes.get(shard, names) or []]
    return pl.DataFrame(found, schema=dict.fromkeys(["path", "error"], pl.String), orient="row")


def _notes(run: Run) -> Settled:
    return run.store.settled("unwritten_files")


def _names(run: Run) -> str:
    """Return what the options say about which caption files there are."""
    options = run.options
    generated = options.cache_generated_captions_to_disk and options.generated_suffix
    return canonical_json([options.combined_suffix, generated, options.prompt])
