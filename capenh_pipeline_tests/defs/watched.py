"""A dataset that the sensor looks at, as the daemon has it do so."""

from datetime import UTC, datetime, timedelta

import dagster as dg

from capenh_pipeline.defs.pipeline import pipeline_definitions
from capenh_pipeline.defs.resources import Outside
from capenh_pipeline.domain.deployment import Deployment
from capenh_pipeline.domain.options import Options
from capenh_pipeline.domain.shards import shard_keys
from capenh_pipeline.stages.image_manifest import build_image_manifest
from capenh_pipeline.stages.progress import LineProgress
from capenh_pipeline_tests.images import colour

LATER = timedelta(seconds=10)


def tick(definitions, cursor):
    repository = definitions.get_repository_def()
    with dg.build_sensor_context(
        cursor=cursor, repository_def=repository, resources=dict(definitions.resources)
    ) as context:
        return repository.get_sensor_def("new_images").evaluate_tick(context)


class Watched:
    """A dataset that a sensor looks at: in ten seconds, unless a test says otherwise."""

    def __init__(self, folder):
        self.folder = folder
        self.cursor = None
        self.ahead, self.clock = LATER, None
        self.values = {"dataset_dir": str(folder), "base_url": "http://x/v1", "recursive": True}
        self.outside = Outside(
            now=lambda: self.clock or datetime.now(UTC) + self.ahead,
            environment=dict,
            progress=LineProgress(lambda line: None),
        )
        self.define()

    def define(self):
        """Load the definitions, with the options that there are now."""
        self.definitions = pipeline_definitions(self.values, self.outside, Deployment())

    def look(self):
        """Return what the sensor says, and remember its cursor as the daemon does."""
        said = tick(self.definitions, self.cursor)
        self.cursor = said.cursor
        return said

    def requested(self):
        """Return the shards of the run that is requested, or None, having run it."""
        said = self.look()
        if not said.run_requests:
            return None
        (request,) = said.run_requests
        self.run(request.tags)
        prefix = "dagster/asset_partition_range_"
        return request.tags[f"{prefix}start"], request.tags[f"{prefix}end"]

    def run(self, tags):
        """Do what of a requested run the sensor looks at."""
        first, last = (tags[f"dagster/asset_partition_range_{end}"] for end in ("start", "end"))
        keys = [key for key in shard_keys(1) if first <= key <= last]
        build_image_manifest(self.outside.open_run(Options(**self.values), shards=keys))

    def add(self, name, rgb):
        return colour(self.folder / name, rgb)
