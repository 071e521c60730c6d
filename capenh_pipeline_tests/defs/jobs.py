"""Jobs as Dagster runs them in one process, with models that say the colour of an image."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg

from capenh_pipeline.defs.pipeline import pipeline_definitions
from capenh_pipeline.defs.resources import Outside
from capenh_pipeline.defs.run_tags import range_tags
from capenh_pipeline.domain.deployment import Deployment
from capenh_pipeline.stages.progress import LineProgress
from capenh_pipeline_tests.fakes.llm import EchoLlm
from capenh_pipeline_tests.fakes.vlm import ColourVlm

ASSETS = ("image_manifest", "vlm_captions", "combined_captions", "caption_files")


def definitions(
    *,
    loader: Callable[..., Any] = ColourVlm,
    llm: Callable[[], Any] = EchoLlm,
    deployment: Deployment | None = None,
    **values: Any,
) -> dg.Definitions:
    """Return the pipeline with these models and options."""
    outside = Outside(
        load_vlm=loader,
        connect_llm=lambda choice: llm(),
        environment=dict,
        progress=LineProgress(lambda line: None),
    )
    return pipeline_definitions({"base_url": "http://x/v1", **values}, outside, deployment)


def executed(
    pipeline: dg.Definitions,
    job: str | None = "enhance_captions",
    *,
    shards: tuple[str, str] | None = ("0", "f"),
) -> dg.ExecuteInProcessResult:
    """Run a job, None for all assets, over a range of shards, None for no range, to its end."""
    with dg.DagsterInstance.ephemeral() as instance:
        wanted = (
            pipeline.resolve_job_def(job)
            if job
            else pipeline.resolve_implicit_global_asset_job_def()
        )
        return wanted.execute_in_process(
            instance=instance, tags=range_tags(*shards) if shards else None, raise_on_error=False
        )


def materializations(
    images: Path, *, shards: tuple[str, str] = ("0", "f"), **arguments: Any
) -> dict[str, list[dg.AssetMaterialization]]:
    """Run everything over some shards and return what was told of each asset, in order."""
    result = executed(definitions(dataset_dir=str(images), **arguments), shards=shards)
    assert result.success
    found = [
        event.step_materialization_data.materialization
        for event in result.get_asset_materialization_events()
    ]
    return {name: [one for one in found if one.asset_key.path == [name]] for name in ASSETS}
