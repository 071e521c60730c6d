"""The queue of a deployment: runs of one store wait for one another, whoever starts them."""

import pytest

from capenh_pipeline.demo.checkpoints import FLORENCE_FOLDER
from capenh_pipeline_tests.defs.webserver import OF_DAGSTER, Dagster
from capenh_pipeline_tests.fakes.gate import Gate
from capenh_pipeline_tests.fakes.llm_server import FakeLlmServer
from capenh_pipeline_tests.images import draw
from capenh_pipeline_tests.processes import PATIENCE_S, wait_until

IMAGES = 4
ALL_SHARDS = ("0", "f")
ASSETS = ("image_manifest", "vlm_captions", "combined_captions", "caption_files")


@pytest.mark.slow
def test_runs_that_people_start_are_tagged_and_those_of_one_store_wait_for_one_another(tmp_path):
    images = tmp_path / "images"
    for number in range(IMAGES):
        draw(images / f"{number}.png", number)
    gate = Gate(1)
    variables = {
        "CAPENH_DATASET_DIR": str(images),
        "CAPENH_MODEL_ID": str(FLORENCE_FOLDER),
        "CAPENH_MODEL": "any",
        "CAPENH_CONCURRENCY": "1",
        "CAPENH_LLM_TIMEOUT_S": str(PATIENCE_S),
    }
    with (
        FakeLlmServer(gate, models=None) as server,
        Dagster(tmp_path, **variables, CAPENH_BASE_URL=server.base_url) as dagster,
    ):
        first = dagster.launch(OF_DAGSTER, shards=ALL_SHARDS, assets=ASSETS)
        wait_until(lambda: len(server.requests) == 2)  # the second answer is withheld
        second = dagster.launch(OF_DAGSTER, shards=ALL_SHARDS, assets=ASSETS)
        third = dagster.launch("enhance_captions", shards=ALL_SHARDS)
        looking = dagster.launch("check_captions", shards=None)
        assert dagster.end_of(looking) == "SUCCESS"  # the last in the queue, and waits for none
        found = {run["runId"]: run for run in dagster.runs()}
        assert [found[run]["status"] for run in (second, third)] == ["QUEUED"] * 2
        assert "capenh/store" not in found[looking]["tags"]
        for run in (first, second, third, looking):
            assert found[run]["tags"]["capenh/dataset"] == "images"
        for run in (first, second, third):
            assert found[run]["tags"]["capenh/store"] == str(images / ".capenh")
        gate.opened.set()
        assert [dagster.end_of(run) for run in (first, second, third)] == ["SUCCESS"] * 3
        assert len(server.requests) == IMAGES
