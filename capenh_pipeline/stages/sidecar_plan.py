"""The names of the caption files of a dataset, for a run."""

from itertools import repeat
from typing import NamedTuple

import polars as pl

from capenh_pipeline.domain.paths import raw_path
from capenh_pipeline.domain.sidecars import generated_suffixes, plan_sidecars
from capenh_pipeline.domain.vlm_prompts import vlm_prompts
from capenh_pipeline.stages.run import Run


class Sidecars(NamedTuple):
    """The caption files of one image, as raw paths, named as in `SidecarPlan`.

    `generated` has one for each prompt, and none if the VLM captions are not to be written.
    """

    manual: tuple[str, ...]
    combined: str | None
    generated: tuple[str | None, ...]


def sidecars_of(run: Run, listing: pl.DataFrame) -> tuple[dict[str, Sidecars], tuple[str, ...]]:
    """Return the caption files of each image by its `path` column, and warnings.

    Args:
        run: its options have the suffixes.
        listing: `path` and `path_bytes` of every image of the dataset, not of some shards alone:
            a name is free only if no image has it.
    """
    options = run.options
    suffixes = generated_suffixes(options.generated_suffix, vlm_prompts(options.prompt))
    plan = plan_sidecars(
        (raw_path(*row) for row in listing.select("path", "path_bytes").iter_rows()),
        caption_suffix=options.caption_suffix,
        combined_suffix=options.combined_suffix,
        generated_suffixes=suffixes if options.cache_generated_captions_to_disk else (),
    )
    generated = zip(*plan.generated, strict=True) if plan.generated else repeat(())
    files = map(Sidecars, plan.manual, plan.combined, generated)
    return dict(zip(listing["path"], files, strict=True)), plan.warnings
