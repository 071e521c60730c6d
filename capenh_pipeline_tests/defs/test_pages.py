"""The pages of Dagster in a real browser: what somebody sees who looks, and clicks."""

import hashlib
import os
from pathlib import Path
from typing import NamedTuple

import pytest

from capenh_pipeline.demo.checkpoints import FLORENCE_FOLDER
from capenh_pipeline_tests.defs.webserver import LOCATION, Dagster
from capenh_pipeline_tests.fakes.llm_server import FakeLlmServer
from capenh_pipeline_tests.images import draw
from capenh_pipeline_tests.processes import wait_until
from capenh_pipeline_tests.report.browser import Browser, needs_browser

pytestmark = [pytest.mark.slow, needs_browser]

IMAGES = 6
ASSETS = ("image_manifest", "vlm_captions", "combined_captions", "caption_files")
MANUAL = "sks <b>bird</b>"
SHOTS = os.environ.get("SCREENSHOTS")
"""Folder that the tests leave pictures of the pages in, for people to look at."""


class Place(NamedTuple):
    """Dagster with a dataset that is captioned and checked, and a browser.

    Attributes:
        shard: it holds the image that has a manual caption.
    """

    dagster: Dagster
    browser: Browser
    images: Path
    shard: str

    def visit(self, page: str) -> None:
        self.browser.visit(self.dagster.address + page)

    def picture(self, name: str) -> None:
        if SHOTS:
            self.browser.screenshot(Path(SHOTS) / f"{name}.png")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    images = folder / "images"
    for number in range(IMAGES):
        draw(images / f"{number}.png", number)
    (images / "0.txt").write_text(MANUAL)
    shard = hashlib.sha256((images / "0.png").read_bytes()).hexdigest()[0]
    with FakeLlmServer(models=None) as server:
        variables = {
            "CAPENH_DATASET_DIR": str(images),
            "CAPENH_MODEL_ID": str(FLORENCE_FOLDER),
            "CAPENH_BASE_URL": server.base_url,
            "CAPENH_MODEL": "any",
        }
        with Dagster(folder, **variables) as dagster, Browser() as browser:
            browser.resize(1600, 1000)
            done = dagster.launch("enhance_and_check", shards=("0", "f"))
            assert dagster.end_of(done) == "SUCCESS"
            yield Place(dagster, browser, images, shard)


def test_the_graph_shows_the_four_assets_and_that_they_are_there(place):
    place.visit(f"/locations/{LOCATION}/asset-groups/captions")
    place.browser.wait_for(*ASSETS, "16 partitions", "100% filled", "3 / 3 Passed", "Hugging Face")
    place.picture("graph")


def test_a_partition_shows_its_numbers_and_its_captions_beside_their_images(place):
    place.visit(f"/assets/combined_captions?view=partitions&partition={place.shard}")
    place.browser.wait_for("Materialized", "dagster/row_count", "images_per_s", "support_mean")
    place.picture("partition")
    place.browser.click("[Show Markdown]")
    place.browser.wait_for("samples", "0.png", MANUAL, "VLM caption", "combined caption")
    pictures = "[...document.images].filter(i => i.src.startsWith('data:image/jpeg'))"
    place.browser.wait(f"{pictures}.length && {pictures}.every(i => i.naturalWidth === 96)")
    place.picture("samples")


def test_a_check_says_what_it_looks_at_and_what_it_found(place):
    place.visit("/assets/combined_captions?view=checks&checkDetail=all_images_have_captions")
    place.browser.wait_for(
        "Every image of the manifest has a caption",
        f"{IMAGES} of {IMAGES} images have a current caption; 0 were not tried.",
        "Passed",
    )
    place.picture("check")


def test_one_shard_is_captioned_by_clicks(place):
    manual = place.images / "0.txt"
    manual.write_text("sks fish")
    place.visit(f"/locations/{LOCATION}/asset-groups/captions")
    place.browser.click("Materialize all…")
    place.browser.click("Select a partition or create one")
    place.browser.click(place.shard)
    place.browser.click("Launch runs to materialize 4 assets")  # the list of shards goes
    place.picture("dialog")
    place.browser.click("Launch 1 run")
    wait_until(lambda: len(place.dagster.runs()) == 2)
    place.picture("launched")
    run = place.dagster.runs()[0]
    assert run["tags"]["dagster/partition"] == place.shard
    assert place.dagster.end_of(run["runId"]) == "SUCCESS"
    assert (place.images / "0_combined.txt").read_text().startswith("sks fish")
    place.visit("/runs")
    place.browser.wait("document.body.innerText.split('capenh/dataset: images').length === 3")
    place.picture("runs")
