"""The four assets, thin: each brings its shards up to date and says what it did.

The docstring of a step is its asset's description in the UI, in Markdown, for the operator.
"""

import inspect
import logging
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import dagster as dg

from capenh_pipeline.defs.failures import one_sentence_failures
from capenh_pipeline.defs.looks import looks_of
from capenh_pipeline.defs.metadata import Measured, rows_by_shard, shard_metadata
from capenh_pipeline.defs.names import Names
from capenh_pipeline.defs.partitions import last_told, shard_partitions
from capenh_pipeline.defs.previews import preview_metadata
from capenh_pipeline.defs.resources import Outside, resource_names, resources_of
from capenh_pipeline.defs.run_tags import run_tags
from capenh_pipeline.defs.turns import its_turn
from capenh_pipeline.domain.deployment import Deployment
from capenh_pipeline.domain.options import Options
from capenh_pipeline.domain.owners import owner_names
from capenh_pipeline.domain.paths import one_line
from capenh_pipeline.stages.caption_files import write_files
from capenh_pipeline.stages.combined_captions import fill_combined_captions, llm_choice
from capenh_pipeline.stages.image_manifest import build_image_manifest
from capenh_pipeline.stages.run import Report, Run
from capenh_pipeline.stages.vlm_captions import fill_vlm_captions

_LOG = logging.getLogger("capenh_pipeline")

Step = Callable[[Run, Outside, set[str]], Report]
"""Brings one table up to date; the names are those of all assets that the Dagster run computes."""


def image_manifest(run: Run, outside: Outside, assets: set[str]) -> Report:
    """Which images the dataset holds: one row a file, with its SHA-256 and its manual caption.

    A file is read again only if its size or its times changed. A file that cannot be read is a
    row with `status = "failed"`.
    """
    del outside, assets
    return build_image_manifest(run)


def vlm_captions(run: Run, outside: Outside, assets: set[str]) -> Report:
    """What a vision-language model sees: one row for each distinct image and recipe.

    The model is loaded only if a row is missing. Rows of other recipes stay.
    """

    def check_llm() -> None:
        if "combined_captions" in assets:
            outside.connect_llm(llm_choice(run)).check()

    return fill_vlm_captions(run, load=outside.load_vlm, before_load=check_llm)


def combined_captions(run: Run, outside: Outside, assets: set[str]) -> Report:
    """What an LLM makes of the manual and the VLM caption: one row for each distinct request.

    A request is sent only if its answer is missing. The manual caption is authoritative: an answer
    that loses its facts or adds what no caption has is asked for again, and at last the two
    captions are joined (`fallback`). `retention` and `support` say how good the captions are.
    """
    del assets
    return fill_combined_captions(run, connect=outside.connect_llm)


def caption_files(run: Run, outside: Outside, assets: set[str]) -> Report:
    """The captions beside the images, as `NAME_combined.txt`.

    A file that a person wrote or edited is kept, unless `write_policy` is `overwrite`.
    """
    del outside, assets
    return write_files(run)


_STEPS: dict[str, tuple[Step, list[str], str | None, set[str]]] = {
    "image_manifest": (image_manifest, [], None, {"parquet"}),
    "vlm_captions": (vlm_captions, ["image_manifest"], "gpu", {"parquet", "huggingface"}),
    "combined_captions": (
        combined_captions,
        ["image_manifest", "vlm_captions"],
        "llm",
        {"parquet", "openai"},
    ),
    "caption_files": (
        caption_files,
        ["image_manifest", "vlm_captions", "combined_captions"],
        None,
        {"file"},
    ),
}
"""Of each asset: what computes it, the assets it reads, its pool and its kinds."""


def pipeline_assets(
    names: Names, options: Options, deployment: Deployment | None, versions: Mapping[str, str]
) -> list[dg.AssetsDefinition]:
    """Return the assets over `16 ** shard_digits` partitions.

    Args:
        names: what they are called.
        options: they have the digits, and name the dataset.
        deployment: None if no other runs may be at work. Else steps share pools and take turns, and
            one that fails for a reason that may pass is tried again.
        versions: of `code_versions`.
    """
    owners = owner_names(deployment.owners) if deployment else None
    partitions = shard_partitions(options.shard_digits)
    tags = run_tags(options, versions)
    assets = []
    for name, (step, deps, pool, kinds) in _STEPS.items():
        asset = _asset(
            names,
            partitions,
            name,
            step,
            is_deployed=deployment is not None,
            deps=deps,
            pool=pool if deployment else None,
            **looks_of(name, tags),
            kinds=kinds,
            code_version=versions.get(name),
            owners=owners,
        )
        assets.append(asset)
    return assets


def _asset(
    names: Names,
    partitions: dg.PartitionsDefinition,
    name: str,
    step: Step,
    *,
    is_deployed: bool,
    deps: Sequence[str],
    **attributes: Any,
) -> dg.AssetsDefinition:
    def body(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        with one_sentence_failures(retries=context.retry_number if is_deployed else None):
            options, outside = resources_of(context, names)
            run = outside.open_run(
                options, shards=list(context.partition_keys), run_id=context.run.run_id
            )
            with its_turn(run.store) if is_deployed else nullcontext():  # held by who runs it once
                began = time.monotonic()
                report = step(run, outside, _assets_of_run(context))
                seconds = time.monotonic() - began
            measured = Measured(report, seconds, rows_by_shard(run, name))
            shown = preview_metadata(run, name, report, last=last_told(partitions, run.shards))
            for shard in report.shards:
                told = shard_metadata(shard, name, measured)
                context.add_asset_metadata({**shown.get(shard, {}), **told}, partition_key=shard)
        for warning in report.warnings:
            _LOG.warning(one_line(warning))
        return dg.MaterializeResult()

    with warnings.catch_warnings():
        # Range runs need `backfill_policy`; users cannot do anything about its being beta.
        warnings.simplefilter("ignore", dg.BetaWarning)
        return dg.asset(
            key=names.key(name),
            description=inspect.getdoc(step),
            group_name=names.group,
            deps=[names.key(dep) for dep in deps],
            partitions_def=partitions,
            required_resource_keys=resource_names(names),
            backfill_policy=dg.BackfillPolicy.single_run(),
            **attributes,
        )(body)


def _assets_of_run(context: dg.AssetExecutionContext) -> set[str]:
    """Return the names of the assets of this dataset that the run computes."""
    selected = context.run.asset_selection or context.job_def.asset_layer.executable_asset_keys
    prefix = context.asset_key.path[:-1]
    return {key.path[-1] for key in selected if key.path[:-1] == prefix}
