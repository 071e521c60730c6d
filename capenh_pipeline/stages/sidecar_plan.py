"""The names of the caption files of a dataset, for a run."""

import polars as pl

from capenh_pipeline.domain.sidecars import SidecarPlan, generated_suffixes, plan_sidecars
from capenh_pipeline.domain.vlm_prompts import vlm_prompts
from capenh_pipeline.stages.run import Run


def sidecars_of(run: Run, image_paths: pl.Series) -> SidecarPlan:
    """Return the caption files of each image, and warnings.

    Files for VLM captions are named only if they are to be written.

    Args:
        run: its options have the suffixes.
        image_paths: `path` of every image of the dataset, not of some shards alone: a name is
            free only if no image has it.
    """
    options = run.options
    suffixes = generated_suffixes(options.generated_suffix, vlm_prompts(options.prompt))
    return plan_sidecars(
        image_paths,
        caption_suffix=options.caption_suffix,
        combined_suffix=options.combined_suffix,
        generated_suffixes=suffixes if options.cache_generated_captions_to_disk else (),
    )
