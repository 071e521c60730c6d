"""Resources: the options, the models and the progress of a run."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import dagster as dg
import pydantic

from capenh_pipeline.dataset.scan import require_images
from capenh_pipeline.defs.environment import read_environment
from capenh_pipeline.defs.names import Names
from capenh_pipeline.domain.options import Options, option_fields
from capenh_pipeline.domain.shards import shard_keys
from capenh_pipeline.errors import ConfigurationError
from capenh_pipeline.models.base import LanguageModel, VisionLanguageModel
from capenh_pipeline.models.choice import LlmChoice
from capenh_pipeline.models.hub_commits import HubCommit, hub_commit
from capenh_pipeline.models.vlm import load_vlm
from capenh_pipeline.models.vlm_settings import VlmSettings
from capenh_pipeline.places.place import Place, is_in, local_folder, place_of
from capenh_pipeline.stages.progress import Progress, log_progress
from capenh_pipeline.stages.run import Run, layers_of
from capenh_pipeline.stages.watching import Watch
from capenh_pipeline.tables.faults import reading
from capenh_pipeline.tables.file_hashes import FileHashes
from capenh_pipeline.tables.marker import STORE_FOLDER
from capenh_pipeline.tables.store import Store

OPTIONS, OUTSIDE = "options", "outside"
"""What the two resources are called; see `Names` for several datasets."""


class OptionsResource(dg.ConfigurableResource):
    """The options of a run, as the launchpad shows them."""

    def options(self) -> Options:
        """Return the options, checked.

        Raises:
            ConfigurationError: a value cannot work.
        """
        return Options(**{option.name: getattr(self, option.name) for option in option_fields()})


def options_resource(values: Mapping[str, Any]) -> OptionsResource:
    """Return the resource whose launchpad defaults are `values`, else the options' own.

    The values are defaults of the class, not arguments of an instance: Dagster 1.13 sets an
    optional field that an instance was given back to None when the launchpad sets another one.
    """
    fields = option_model_fields(values)
    return pydantic.create_model("PipelineOptions", __base__=OptionsResource, **fields)()


def option_model_fields(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a field of a pydantic model for each option: its type, default and help."""
    return {
        option.name: (
            option.type,
            pydantic.Field(
                default=values.get(option.name, option.default),
                description=option.metadata["help"],
            ),
        )
        for option in option_fields()
    }


@dataclass(frozen=True)
class Outside:
    """What a run takes from outside: models, clock, environment and who watches its progress.

    Tests and the command line put their own parts in. The hub is asked once for each model, so
    that all stages of a run agree: what outlives a run needs another `Outside` for the next one.
    """

    load_vlm: Callable[[VlmSettings], VisionLanguageModel] = load_vlm
    connect_llm: Callable[[LlmChoice], LanguageModel] = LlmChoice.connect
    hub_commit: HubCommit = field(default_factory=lambda: cache(hub_commit))
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    environment: Callable[[], Mapping[str, str]] = read_environment
    progress: Progress = field(default_factory=log_progress)
    scans: dict[str, Any] = field(default_factory=dict)
    watches: dict[tuple[Place, bool], Watch] = field(default_factory=dict)

    def open_run(
        self, options: Options, *, shards: Sequence[str] | None = None, run_id: str = ""
    ) -> Run:
        """Open the store of the dataset that `options` name.

        A store is created only where there are images, so that a wrong path gets no new folder.

        Args:
            options: what the user chose.
            shards: the partitions of the run; None is all of them.
            run_id: of the Dagster run.

        Raises:
            ConfigurationError: no dataset is named, or the shards are not those of the options.
            DatasetError: its folder is missing or holds no image.
            StoreError: the store cannot be used.
        """
        dataset, folder = dataset_folder(options), store_folder(options)
        with reading(folder):
            is_new = not folder.exists()
        if is_new:
            require_images(dataset, recursive=options.recursive, layers=layers_of(options))
        keys = shard_keys(options.shard_digits)
        if not set(shards or keys) <= set(keys):
            raise ConfigurationError(
                f"shard_digits is {options.shard_digits}, but the partitions of this Dagster "
                "deployment are others; set CAPENH_SHARD_DIGITS where the definitions are loaded."
            )
        store = Store.open(
            folder,
            shard_digits=options.shard_digits,
            dataset=None if is_in(folder, dataset) else dataset,
        )
        return Run(
            options=options,
            dataset=dataset,
            store=store,
            shards=keys if shards is None else shards,
            run_id=run_id,
            now=self.now,
            progress=self.progress,
            environment=self.environment(),
            file_hashes=FileHashes(local_folder(folder, self.environment()) / "model_hashes.json"),
            hub_commit=self.hub_commit,
            scans=self.scans,
        )


def dataset_folder(options: Options) -> Place:
    """Return the dataset's folder, absolute.

    Raises:
        ConfigurationError: it is not set, is none, or cannot be what other options want.
    """
    if not options.dataset_dir:
        raise ConfigurationError(
            "No dataset is named: set --dataset_dir, CAPENH_DATASET_DIR or the option "
            "dataset_dir to a folder of images."
        )
    folder = place_of(options.dataset_dir, option="dataset_dir")
    if options.trust_dir_mtime and not isinstance(folder, Path):
        raise ConfigurationError(
            f"--trust_dir_mtime: {folder} is in object storage, where folders have no times; leave "
            "that option out."
        )
    return folder


def store_folder(options: Options) -> Place:
    """Return where the store is: `store`, or `.capenh` in the dataset."""
    if options.store:
        return place_of(options.store, option="store")
    return dataset_folder(options) / STORE_FOLDER


def resource_names(names: Names) -> set[str]:
    """Return what the two resources of a dataset are called."""
    return {names.name(OPTIONS), names.name(OUTSIDE)}


def resources_of(context: Any, names: Names) -> tuple[Options, Outside]:
    """Return the options of a run, checked, and what it takes from outside.

    Args:
        context: of an asset, a check or a sensor that requires `resource_names`.
        names: of its dataset.

    Raises:
        ConfigurationError: a value cannot work.
    """
    options: OptionsResource = getattr(context.resources, names.name(OPTIONS))
    return options.options(), getattr(context.resources, names.name(OUTSIDE))
