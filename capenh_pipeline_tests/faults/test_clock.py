"""A clock that is set back an hour between two runs: what was written last counts."""

from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from capenh_pipeline.defs.resources import Outside
from capenh_pipeline.demo.checkpoints import FLORENCE_FOLDER
from capenh_pipeline.domain.options import Options
from capenh_pipeline.domain.schemas import FAILED, OK, VLM_CAPTIONS
from capenh_pipeline.stages.caption_files import write_files
from capenh_pipeline.stages.combined_captions import fill_combined_captions
from capenh_pipeline.stages.image_manifest import build_image_manifest
from capenh_pipeline.stages.vlm_captions import fill_vlm_captions
from capenh_pipeline_tests.fakes.llm import EchoLlm
from capenh_pipeline_tests.fakes.vlm import ColourVlm, CountingLoader
from capenh_pipeline_tests.images import colour

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
AN_HOUR_BEFORE = NOON - timedelta(hours=1)
RED, BLUE = (255, 0, 0), (0, 0, 255)


@pytest.fixture
def run_at(tmp_path):
    """Run all stages at a time that the test says; return the times and states of VLM captions."""

    def run(now, *, load=ColourVlm, **options):
        values = {"dataset_dir": str(tmp_path), "base_url": "http://x/v1", "model": "m"}
        chosen = Options(**values, model_id=str(FLORENCE_FOLDER), **options)
        opened = Outside(environment=dict, now=lambda: now).open_run(chosen)
        build_image_manifest(opened)
        fill_vlm_captions(opened, load=load, before_load=lambda: None)
        fill_combined_captions(opened, connect=lambda _: EchoLlm())
        write_files(opened)
        rows = opened.store.table(VLM_CAPTIONS).read(columns=["created_at", "status"])
        return sorted(rows.rows())

    colour(tmp_path / "red.png", RED)
    colour(tmp_path / "blue.png", BLUE)
    return run


def test_what_a_run_writes_counts_although_the_last_one_was_an_hour_later(run_at, tmp_path):
    blind = partial(ColourVlm, fails=lambda rgb: rgb == BLUE)
    assert run_at(NOON, load=blind) == [(NOON, FAILED), (NOON, OK)]
    (tmp_path / "red.txt").write_text("Rex")

    after = run_at(AN_HOUR_BEFORE, retry_failed=True)

    assert after == [(AN_HOUR_BEFORE, OK), (NOON, OK)]
    assert "Rex" in (tmp_path / "red_combined.txt").read_text()
    assert str(BLUE) in (tmp_path / "blue_combined.txt").read_text()
    loader = CountingLoader(ColourVlm)
    assert run_at(AN_HOUR_BEFORE, load=loader, retry_failed=True) == after
    assert loader.loads == 0
