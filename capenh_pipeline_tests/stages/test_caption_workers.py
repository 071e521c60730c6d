"""VLM captions by workers in processes of their own: the rows are those of one process."""

import time
from dataclasses import replace
from functools import partial

import pytest

from capenh_pipeline.domain.schemas import VLM_CAPTIONS
from capenh_pipeline.errors import ModelError
from capenh_pipeline.stages.image_manifest import build_image_manifest
from capenh_pipeline.stages.vlm_captions import fill_vlm_captions
from capenh_pipeline_tests.fakes.remote_vlm import (
    DEADLY,
    LoopingVlm,
    NarrowVlm,
    PickyVlm,
    RemoteVlm,
)
from capenh_pipeline_tests.fakes.squares import noted
from capenh_pipeline_tests.fakes.vlm import ColourVlm
from capenh_pipeline_tests.images import colour

IMAGES = 24
OF_A_RUN = {"created_at", "run_id"}


@pytest.fixture
def images(tmp_path):
    for number in range(IMAGES):
        colour(tmp_path / "images" / f"{number}.png", (number, 0, 0))
    return tmp_path / "images"


@pytest.fixture
def fill(images, open_run, tmp_path):
    """Caption all images into a store of its own, and return the rows."""

    def filled(load=ColourVlm, *, name="store", **options):
        run = open_run(prompt="see", store=str(tmp_path / name), **options)
        build_image_manifest(run)
        fill_vlm_captions(run, load=load, before_load=lambda: None)
        return run.store.table(VLM_CAPTIONS).read().sort("image_hash")

    return filled


@pytest.mark.parametrize("load", [ColourVlm, LoopingVlm, NarrowVlm])
def test_the_rows_are_those_of_one_process(fill, images, load):
    (images / "5.png").write_bytes(b"no image")
    there = fill(load, workers=2, name="there").drop(OF_A_RUN)
    assert there.equals(fill(load, name="here").drop(OF_A_RUN))
    assert there.height == IMAGES - 1


def test_an_image_that_kills_its_worker_is_a_failed_row(fill, images, tmp_path):
    colour(images / "7.png", DEADLY)
    rows = fill(partial(RemoteVlm, tmp_path), workers=2, batch_size=8)
    failed = rows.filter(status="failed")
    assert failed["error_kind"].to_list() == ["crashed"]
    assert "killed by signal 9" in failed["error"][0]
    assert rows.height == IMAGES

    starts = noted(tmp_path / "starts")
    fill(partial(RemoteVlm, tmp_path), workers=2, batch_size=8)
    assert noted(tmp_path / "starts") == starts


def test_a_model_that_fails_on_every_image_is_an_error_of_the_run(fill):
    with pytest.raises(ModelError, match="fails on every image"):
        fill(PickyVlm, workers=2)


def test_one_device_is_one_worker(fill, tmp_path):
    fill(partial(RemoteVlm, tmp_path), devices="cpu")
    assert len(noted(tmp_path / "starts")) == 1


def test_a_store_that_is_slow_holds_the_workers_up(images, open_run, tmp_path):
    """What is captioned ahead of the store is bounded by the workers, not by the dataset."""
    run = open_run(prompt="see", workers=2, batch_size=1)
    ahead = []

    def slow_clock():
        time.sleep(0.05)
        ahead.append(len(noted(tmp_path / "seen")) - len(ahead))
        return run.now()

    build_image_manifest(run)
    fill_vlm_captions(
        replace(run, now=slow_clock), load=partial(RemoteVlm, tmp_path), before_load=lambda: None
    )
    assert len(ahead) == IMAGES
    assert max(ahead) <= 2 * 2 + 2
