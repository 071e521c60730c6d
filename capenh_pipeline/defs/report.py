"""The asset `report`: a page on which people look at the dataset."""

import warnings
from collections.abc import Mapping

import dagster as dg

from capenh_pipeline.defs.failures import one_sentence_failures
from capenh_pipeline.defs.looks import asset_tags
from capenh_pipeline.defs.names import Names
from capenh_pipeline.defs.resources import resource_names, resources_of
from capenh_pipeline.domain.deployment import Deployment
from capenh_pipeline.domain.owners import owner_names
from capenh_pipeline.report.report import printable, write_report

_DESCRIPTION = """A page with every image beside its three captions, `report.html` in the store.

It has search and filters (failed, fallback, no manual caption, edited by hand), distributions
and the history of runs, and needs no network. The store is only read."""


def report_asset(
    names: Names, deployment: Deployment | None, tags: Mapping[str, str]
) -> dg.AssetsDefinition:
    """Return the asset; no job has it, so it is made when somebody wants it.

    It has no partitions. The policy is for `dagster asset materialize --partition-range`, which
    asks every selected asset for one.

    Args:
        names: of the dataset.
        deployment: whose owners the asset has.
        tags: of runs.
    """

    def report(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        with one_sentence_failures():
            options, outside = resources_of(context, names)
            written = write_report(outside.open_run(options, run_id=context.run.run_id))
        return dg.MaterializeResult(
            metadata={
                "page": dg.MetadataValue.path(printable(written.path)),
                "size_bytes": written.size_bytes,
                "dagster/row_count": written.counts["images"],
                **written.counts,
            }
        )

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)  # as in `defs.assets`
        return dg.asset(
            key=names.key("report"),
            description=_DESCRIPTION,
            group_name=names.name("reports"),
            kinds={"html"},
            tags=asset_tags("report", tags),
            owners=owner_names(deployment.owners) if deployment else None,
            deps=[names.key("caption_files")],
            required_resource_keys=resource_names(names),
            backfill_policy=dg.BackfillPolicy.single_run(),
        )(report)
