"""What the assets, jobs and resources of a dataset are called."""

import re
from dataclasses import dataclass

import dagster as dg

from capenh_pipeline.errors import ConfigurationError

GROUP = "captions"
_ALLOWED = re.compile(r"[A-Za-z0-9_]+")


@dataclass(frozen=True)
class Names:
    """The names of one dataset's definitions; without a dataset they have no prefix.

    A deployment of several datasets gives each a name. It is the prefix of their asset keys, their
    group, and the first part of whatever Dagster knows by one word alone (jobs, sensors,
    schedules, resources). Pools stay as they are: they count GPUs and servers, not datasets.
    """

    dataset: str = ""

    def __post_init__(self) -> None:
        if self.dataset and not _ALLOWED.fullmatch(self.dataset):
            raise ConfigurationError(
                f"A dataset is named {self.dataset!r}; Dagster takes letters, digits and _ only."
            )

    @property
    def group(self) -> str:
        """The group of the assets."""
        return self.dataset or GROUP

    def key(self, asset: str) -> dg.AssetKey:
        """Return the key of an asset: `dogs/image_manifest`."""
        return dg.AssetKey([self.dataset, asset] if self.dataset else [asset])

    def name(self, word: str) -> str:
        """Return the name of a job, sensor, schedule or resource: `dogs_enhance_captions`."""
        return f"{self.dataset}_{word}" if self.dataset else word
