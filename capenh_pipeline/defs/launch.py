"""A run of the whole job in this process, as the command line does it."""

from collections import Counter

import dagster as dg

from capenh_pipeline.defs.jobs import ENHANCE_CAPTIONS
from capenh_pipeline.defs.metadata import KEPT_FILES
from capenh_pipeline.defs.run_tags import whole_range
from capenh_pipeline.errors import CapenhError
from capenh_pipeline.stages.summary import RunResult

_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def run_job(
    definitions: dg.Definitions, *, shard_digits: int, instance: dg.DagsterInstance
) -> RunResult:
    """Run `enhance_captions` over all shards and return what it reported.

    Args:
        definitions: the pipeline.
        shard_digits: as the definitions have it.
        instance: records the run.

    Raises:
        CapenhError: the run stopped; the text says why.
        KeyboardInterrupt: it was interrupted; what was finished is kept.
    """
    try:
        result = definitions.resolve_job_def(ENHANCE_CAPTIONS).execute_in_process(
            instance=instance,
            tags=whole_range(shard_digits),
            run_config=_QUIET,
        )
    except dg.Failure as failure:
        raise CapenhError(failure.description) from failure
    except dg.DagsterExecutionInterruptedError:
        raise KeyboardInterrupt from None
    return _reported(result)


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
