import pytest

from capenh_pipeline.defs.resources import Outside
from capenh_pipeline.domain.options import Options
from capenh_pipeline.stages.progress import LineProgress


@pytest.fixture
def open_run(tmp_path):
    """Open a run on `tmp_path/images`, with any options."""

    def opened(*, shards=None, run_id="test", **options):
        outside = Outside(environment=dict, progress=LineProgress(lambda line: None))
        values = {"dataset_dir": str(tmp_path / "images"), "base_url": "http://x/v1", "model": "m"}
        return outside.open_run(Options(**{**values, **options}), shards=shards, run_id=run_id)

    return opened
