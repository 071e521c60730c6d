"""The names of the caption files of a dataset, for a run."""

from typing import NamedTuple

import polars as pl

from capenh_pipeline.domain.paths import raw_path
from capenh_pipeline.domain.sidecars import plan_sidecars
from capenh_pipeline.stages.run import Run


class Sidecars(NamedTuple):
    """The caption files of one image, as raw paths, named as in `SidecarPlan`."""

    manual: tuple[str, ...]
    combined: str | None
    generated: str | None


def sidecars_of(run: Run, listing: pl.DataFrame) -> tuple[dict[str, Sidecars], tuple[str, ...]]:
    """Return the caption files of each image by its `path` column, and warnings.

    Args:
        run: its options have the suffixes.
        listing: `path` and `path_bytes` of every image of the dataset, not of some shards alone:
            a name is free only if no image has it.
    """
    plan = plan_sidecars(
        (raw_path(*row) for row in listing.select("path", "path_bytes").iter_rows()),
        caption_suffix=run.options.caption_suffix,
        combined_suffix=run.options.combined_suffix,
        generated_suffix=run.options.generated_suffix,
    )
    files = map(Sidecars, plan.manual, plan.combined, plan.generated)
    return dict(zip(listing["path"], files, strict=True)), plan.warnings
