"""The names of the caption files of a dataset, for a run."""

import polars as pl

from capenh_pipeline.domain.sidecars import (
    SidecarPlan,
    generated_suffixes,
    plan_sidecars,
    usual_names,
)
from capenh_pipeline.domain.vlm_prompts import vlm_prompts
from capenh_pipeline.stages.run import Run


def sidecars_of(run: Run, image_paths: pl.Series) -> SidecarPlan:
    """Return the caption files of each image, and warnings.

    Files for VLM captions are named only if they are to be written.

    Args:
        run: its options have the suffixes.
        image_paths: `path` of every image of some folders: a name is free only if no image there
            has it.
    """
    return plan_sidecars(
        image_paths,
        caption_suffix=run.options.caption_suffix,
        combined_suffix=run.options.combined_suffix,
        generated_suffixes=_generated_suffixes(run),
    )


def names_of(run: Run, image_paths: pl.Series, unusual: pl.DataFrame) -> pl.DataFrame:
    """Return `path`, `combined` and `generated_0`, … of images.

    Args:
        run: its options have the suffixes.
        image_paths: of any images.
        unusual: of `unusual_names`, of all images of the dataset.
    """
    usual = usual_names(
        image_paths,
        combined_suffix=run.options.combined_suffix,
        generated_suffixes=_generated_suffixes(run),
    )
    named = unusual.select(usual.columns).join(usual, on="path", how="semi")
    return pl.concat([usual.join(named, on="path", how="anti"), named])


def _generated_suffixes(run: Run) -> tuple[str, ...]:
    options = run.options
    if not options.cache_generated_captions_to_disk:
        return ()
    return generated_suffixes(options.generated_suffix, vlm_prompts(options.prompt))
