"""A run of the whole job in this process, as the command line does it."""

from collections import Counter

import dagster as dg

from capenh_pipeline.defs.jobs import ENHANCE_CAPTIONS
from capenh_pipeline.defs.metadata import KEPT_FILES
from capenh_pipeline.defs.run_tags import whole_range
from capenh_pipeline.errors import CapenhError
from capenh_pipeline.stages.summary import RunResult
from capenh_pipeline.tables.store import Store

_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


COMMAND = "capenh/command"
"""Tag of the runs of commands: the store that each works on."""


def run_job(
    definitions: dg.Definitions, *, store: Store, instance: dg.DagsterInstance
) -> RunResult:
    """Run `enhance_captions` over all shards and return what it reported.

    Args:
        definitions: the pipeline.
        store: what it works on; nobody else does.
        instance: records the run.

    Raises:
        CapenhError: the run stopped; the text says why.
        KeyboardInterrupt: it was interrupted; what was finished is kept.
    """
    end_killed_runs(store, instance)
    try:
        result = definitions.resolve_job_def(ENHANCE_CAPTIONS).execute_in_process(
            instance=instance,
            tags={**whole_range(store.shard_digits), COMMAND: str(store.root)},
            run_config=_QUIET,
        )
    except dg.Failure as failure:
        raise CapenhError(failure.description) from failure
    except dg.DagsterExecutionInterruptedError:
        raise KeyboardInterrupt from None
    return _reported(result)


def end_killed_runs(store: Store, instance: dg.DagsterInstance) -> None:
    """Record that runs of commands are over which were killed before they could say so.

    Args:
        store: that nobody works on, so that no such run is alive.
        instance: recorded them.
    """
    alive = dg.RunsFilter(
        tags={COMMAND: str(store.root)},
        statuses=[dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED],
    )
    for run in instance.get_runs(alive):
        instance.report_run_failed(run, "The command that ran this was killed.")


def _reported(result: dg.ExecuteInProcessResult) -> RunResult:
    reported = RunResult(run_id=result.run_id)
    for event in result.get_asset_materialization_events():
        materialization = event.step_materialization_data.materialization
        counts = reported.totals.setdefault(materialization.asset_key.path[-1], Counter())
        for name, value in materialization.metadata.items():
            if isinstance(value, dg.IntMetadataValue) and value.value is not None:
                counts[name] += value.value
        reported.kept_files += _paths(materialization.metadata.get(KEPT_FILES))
    return reported


def _paths(value: dg.MetadataValue | None) -> list[str]:
    is_list = isinstance(value, dg.JsonMetadataValue) and isinstance(value.data, list)
    return [str(path) for path in value.data] if is_list else []
