"""What every stage is given, and what it reports."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from capenh_pipeline.dataset.layers import Layers
from capenh_pipeline.domain.options import Options
from capenh_pipeline.domain.schemas import TableSchema
from capenh_pipeline.models.hub_commits import HubCommit
from capenh_pipeline.places.place import Place
from capenh_pipeline.stages.progress import Progress
from capenh_pipeline.tables.checkpoint import Checkpoint
from capenh_pipeline.tables.file_hashes import FileHashes
from capenh_pipeline.tables.store import Store


@dataclass(frozen=True)
class Run:
    """One run over some shards of one dataset.

    Attributes:
        options: what the user chose.
        dataset: the folder of images, on a disk or in object storage.
        store: where results are kept.
        shards: the partitions that this run is to bring up to date.
        run_id: the name of the run in every row that it makes.
        now: the clock, in UTC.
        progress: who is told how far a stage is.
        environment: variables that name an LLM server and its key.
        file_hashes: remembers the hashes of model weights.
        hub_commit: remembers the commits of hub models, so that every stage goes by the same ones.
        scans: what the run with that id has found in the dataset's folder.
    """

    options: Options
    dataset: Place
    store: Store
    shards: Sequence[str]
    run_id: str
    now: Callable[[], datetime]
    progress: Progress
    environment: Mapping[str, str]
    file_hashes: FileHashes
    hub_commit: HubCommit
    scans: dict[str, Any]

    @property
    def known_listings(self) -> Place:
        """The folder of what is known of the dataset's files."""
        return self.store.root / "listing"

    @property
    def own_folders(self) -> list[Place]:
        """The folders that are ours, so that no images of the dataset are there."""
        return [self.store.root]

    @property
    def scratch(self) -> Path | None:
        """The folder on whose disk files may lie that the run alone needs; see `Buckets`.

        A plan is made of a store, too, that may only be read.
        """
        root = self.store.root
        if not isinstance(root, Path):
            return None
        return root if os.access(root, os.W_OK, effective_ids=True) else None

    @property
    def layers(self) -> Layers:
        """What of the dataset is looked for besides files."""
        return replace(layers_of(self.options), kept=self.store.root / "members")

    def now_ns(self) -> int:
        """Return the time in nanoseconds since 1970, as file systems have it."""
        return int(self.now().timestamp() * 1e9)

    def of_shard(self, shard: str) -> "Run":
        """Return the same run over one of its shards."""
        return self.of_shards([shard])

    def of_shards(self, shards: Sequence[str]) -> "Run":
        """Return the same run over some of its shards."""
        return replace(self, shards=shards)

    def checkpoint(self, schema: TableSchema, *, rows: int | None = None) -> Checkpoint:
        """Return what keeps finished rows of a table, as often as the options say.

        Args:
            schema: the table.
            rows: at most so many at once, instead of what the options say.
        """
        return Checkpoint(
            self.store.table(schema),
            rows=rows or self.options.checkpoint_rows,
            seconds=self.options.checkpoint_s,
        )


def layers_of(options: Options) -> Layers:
    """Return what of a dataset some options want besides files."""
    return Layers(
        tars=options.tar_shards,
        tables=options.parquet_shards,
        metadata=options.metadata_captions,
    )


@dataclass
class Report:
    """What a stage did.

    Attributes:
        shards: counts by name, by shard; a name means the same in every shard and can be added up.
        kept_files: caption files by shard that people wrote, so that they were not replaced.
        failed_files: by shard, the image of each caption file that could not be written, and a
            sentence that names the file and says why.
        warnings: sentences for the user.
        figures: numbers and lists of numbers by name, by shard, which cannot be added up.
    """

    shards: dict[str, dict[str, int]]
    kept_files: dict[str, list[str]] = field(default_factory=dict)
    failed_files: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    figures: dict[str, dict[str, float | list[int]]] = field(default_factory=dict)

    def total(self, name: str) -> int:
        """Return the sum of a count over all shards."""
        return sum(counts.get(name, 0) for counts in self.shards.values())
