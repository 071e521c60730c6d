"""The asset `report`: a page on which people look at the dataset."""

import inspect
import warnings

import dagster as dg

from capenh_pipeline.defs.failures import one_sentence_failures
from capenh_pipeline.defs.resources import OptionsResource, Outside
from capenh_pipeline.report.report import printable, write_report

GROUP = "reports"


def report_asset() -> dg.AssetsDefinition:
    """Return the asset; no job has it, so it is made when somebody wants it.

    It has no partitions. The policy is for `dagster asset materialize --partition-range`, which
    asks every selected asset for one.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)  # as in `defs.assets`
        return dg.asset(
            name="report",
            description=inspect.getdoc(_report),
            group_name=GROUP,
            kinds={"html"},
            deps=["caption_files"],
            backfill_policy=dg.BackfillPolicy.single_run(),
        )(_report)


def _report(
    context: dg.AssetExecutionContext, options: OptionsResource, outside: dg.ResourceParam[Outside]
) -> dg.MaterializeResult:
    """A page with every image beside its three captions, `report.html` in the store.

    It has search and filters (failed, fallback, no manual caption, edited by hand), distributions
    and the history of runs, and needs no network. The store is only read.
    """
    with one_sentence_failures():
        run = outside.open_run(options.options(), run_id=context.run.run_id)
        written = write_report(run)
    return dg.MaterializeResult(
        metadata={
            "page": dg.MetadataValue.path(printable(written.path)),
            "size_bytes": written.size_bytes,
            "dagster/row_count": written.counts["images"],
            **written.counts,
        }
    )
