"""VLM captions by workers in processes of their own: the rows are those of one process."""

import json
import pickle
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial

import pytest

from capenh_pipeline.domain.options import Options
from capenh_pipeline.domain.schemas import VLM_CAPTIONS
from capenh_pipeline.errors import ConfigurationError, ModelError
from capenh_pipeline.models.torch_threads import usable_cores
from capenh_pipeline.models.vlm_settings import VlmSettings
from capenh_pipeline.stages.caption_jobs import Ask, Task
from capenh_pipeline.stages.caption_setup import CaptionSetup
from capenh_pipeline.stages.image_manifest import build_image_manifest
from capenh_pipeline.stages.remote_captions import RemoteCaptions, SizeNotebook
from capenh_pipeline.stages.sent_images import with_contents
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
from capenh_pipeline_tests.processes import PATIENCE_S, processes, wait_until
from capenh_pipeline_tests.stages import caption_driver
from capenh_pipeline_tests.stages.image_files import image_file

IMAGES = 24
WORKERS = 2
ROOM = ColourVlm(VlmSettings("any")).lanes + ColourVlm(VlmSettings("any")).preparing
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


@pytest.mark.parametrize(
    "load",
    [ColourVlm, *(pytest.param(load, marks=pytest.mark.slow) for load in (LoopingVlm, NarrowVlm))],
)
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


@pytest.mark.slow
def test_a_model_that_fails_on_every_image_is_an_error_of_the_run(fill):
    with pytest.raises(ModelError, match="fails on every image"):
        fill(PickyVlm, workers=2)


def test_workers_share_the_cores(fill, tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "64")
    fill(partial(RemoteVlm, tmp_path), workers=2)
    threads = noted(tmp_path / "threads")
    assert set(threads) == {max(1, usable_cores() // 2)}


def test_a_worker_reads_ahead_in_as_many_threads_as_it_has_cores():
    setup = CaptionSetup(Options(), VlmSettings("any"), ColourVlm)
    model = ColourVlm(VlmSettings("any"))
    model.preparing = 8
    sizes = SizeNotebook(lambda: True)
    assert setup.worker(model, sizes).room == 1 + 8
    assert replace(setup, cores=3).worker(model, sizes).room == 1 + 3


def test_one_device_is_one_worker(fill, tmp_path):
    fill(partial(RemoteVlm, tmp_path), devices="cpu")
    assert len(noted(tmp_path / "starts")) == 1


@pytest.fixture(params=["processes", "ray"])
def workers(request):
    """Options of two workers, in processes of this machine or on Ray."""
    if request.param == "processes":
        return {"workers": WORKERS}
    cluster = request.getfixturevalue("ray_cluster")
    return {"engine": "ray", "ray_address": cluster.address, "workers": WORKERS}


@pytest.mark.slow
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT])
def test_a_driver_that_is_ended_costs_the_batches_under_way(images, workers, end, tmp_path):
    options = {**workers, "batch_size": 1}
    words = [sys.executable, "-m", caption_driver.__name__, str(tmp_path), json.dumps(options)]
    driver = subprocess.Popen(words, stderr=subprocess.DEVNULL)  # noqa: S603  # our own interpreter
    wait_until(lambda: len(noted(tmp_path / "seen")) >= IMAGES // 2)
    driver.send_signal(end)
    driver.wait(PATIENCE_S)
    started = set(noted(tmp_path / "starts"))
    wait_until(lambda: not started & {process.pid for process in processes()})

    run = caption_driver.caption(tmp_path, **options)
    hashes = run.store.table(VLM_CAPTIONS).read()["image_hash"]
    assert hashes.is_unique().all()
    assert len(hashes) == IMAGES
    again = len(noted(tmp_path / "seen")) - IMAGES
    assert again <= WORKERS * ROOM + caption_driver.CHECKPOINT_ROWS
    assert len(noted(tmp_path / "starts")) <= 2 * WORKERS


@pytest.mark.slow
@pytest.mark.parametrize("sends", [False, True])
def test_the_rows_of_ray_are_those_of_one_process(fill, ray_cluster, sends):
    """The two GPUs of the cluster are not real; a worker is placed by their number all the same."""
    options = {"engine": "ray", "ray_address": "local", "ray_send_images": sends}
    there = fill(LoopingVlm, name="there", **options).drop(OF_A_RUN)
    assert there.equals(fill(LoopingVlm, name="here").drop(OF_A_RUN))


def test_images_that_travel_with_their_batch_are_read_where_the_folder_is_not(images):
    files = [image_file(images / f"{number}.png") for number in range(3)]
    files[2].path.unlink()
    job = with_contents(Ask(tuple(Task(file, (0,)) for file in files)))
    shutil.rmtree(images)
    made = CaptionSetup(Options(), VlmSettings("any"), ColourVlm)
    said = RemoteCaptions(made, threads=1)().do(pickle.loads(pickle.dumps(job)))  # noqa: S301
    results = [outcome.result for outcome in said.outcomes]
    assert [outcome.file for outcome in said.outcomes] == [files[2], *files[:2]]
    assert results[0].kind == "unreadable"
    assert [reply.caption for reply in results[1:]] == [
        f"<MORE_DETAILED_CAPTION> ({number}, 0, 0)" for number in range(2)
    ]


def test_without_ray_its_engine_is_one_sentence(fill, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'capenh_pipeline\[ray\]'"):
        fill(engine="ray", ray_address="local")


def test_a_store_that_is_slow_holds_the_workers_up(images, open_run, tmp_path):
    """What is captioned ahead of the store is bounded by the workers, not by the dataset."""
    run = open_run(prompt="see", workers=WORKERS, batch_size=1)
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
    assert max(ahead) <= WORKERS * ROOM
