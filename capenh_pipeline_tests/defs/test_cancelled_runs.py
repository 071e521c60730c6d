"""A run that somebody cancels in the UI: what is finished is kept, and nothing goes on."""

import polars as pl
import pytest

from capenh_pipeline.demo.checkpoints import FLORENCE_FOLDER
from capenh_pipeline_tests.defs.webserver import Webserver
from capenh_pipeline_tests.fakes.gate import Gate
from capenh_pipeline_tests.fakes.llm_server import FakeLlmServer
from capenh_pipeline_tests.images import draw
from capenh_pipeline_tests.processes import wait_until

IMAGES = 6
FINISHED = 2
ALL_SHARDS = ("0", "f")


@pytest.fixture
def dataset(tmp_path):
    for number in range(IMAGES):
        draw(tmp_path / "images" / f"{number}.png", number)
    return tmp_path / "images"


def stored(dataset, table):
    parts = [*(dataset / ".capenh" / table).rglob("part-*.parquet")]
    return pl.read_parquet(parts).height if parts else 0


@pytest.mark.slow
def test_a_cancelled_run_keeps_its_rows_leaves_no_process_and_the_next_one_does_the_rest(
    dataset, tmp_path
):
    gate = Gate(FINISHED)
    with (
        FakeLlmServer(gate, models=None) as server,
        Webserver(
            tmp_path,
            CAPENH_DATASET_DIR=str(dataset),
            CAPENH_MODEL_ID=str(FLORENCE_FOLDER),
            CAPENH_BASE_URL=server.base_url,
            CAPENH_MODEL="any",
            CAPENH_CONCURRENCY="1",
            CAPENH_CHECKPOINT_ROWS="1",
        ) as web,
    ):
        run = web.launch("enhance_captions", shards=ALL_SHARDS)
        wait_until(lambda: stored(dataset, "combined_captions") == FINISHED)
        assert web.run_processes()
        web.terminate(run)
        assert web.end_of(run) == "CANCELED"
        wait_until(lambda: not web.run_processes())
        gate.opened.set()
        assert stored(dataset, "vlm_captions") == IMAGES
        assert stored(dataset, "combined_captions") == FINISHED

        before = len(server.requests)
        assert web.end_of(web.launch("enhance_captions", shards=ALL_SHARDS)) == "SUCCESS"
        assert len(server.requests) - before == IMAGES - FINISHED
    assert len([*dataset.glob("*_combined.txt")]) == IMAGES
