import shutil

import pytest

from capenh_pipeline.defs.resources import Outside
from capenh_pipeline.domain.options import Options
from capenh_pipeline.stages.progress import LineProgress
from capenh_pipeline_tests.images import colour
from capenh_pipeline_tests.memory import memory_folder
from capenh_pipeline_tests.stage_runs import Cost, StageRuns


@pytest.fixture
def open_run(tmp_path):
    """Open a run on `tmp_path/images`, with any options."""

    def opened(*, shards=None, run_id="test", **options):
        outside = Outside(environment=dict, progress=LineProgress(lambda line: None))
        values = {"dataset_dir": str(tmp_path / "images"), "base_url": "http://x/v1", "model": "m"}
        return outside.open_run(Options(**{**values, **options}), shards=shards, run_id=run_id)

    return opened


@pytest.fixture(scope="module")
def captioned():
    """An image with a caption and two images that share a name, after their first run."""
    with memory_folder() as dataset:
        for place, name in enumerate(["a.png", "shared.png", "shared.bmp"]):
            colour(dataset / name, (place, 0, 0))
        (dataset / "a.txt").write_text("sks")
        StageRuns(dataset).run()
        yield dataset


@pytest.fixture
def runs(captioned):
    """A copy of them that a run has looked at, so that nothing is left to be read."""
    with memory_folder() as folder:
        started = StageRuns(shutil.copytree(captioned, folder / "dataset"))
        assert started.run() == Cost(4, 0, 0, 0)
        yield started
