"""The real commands, the sensor and the report on a dataset in object storage."""

import hashlib
import re
import threading
from datetime import timedelta
from io import BytesIO

import pytest
from PIL import Image

from capenh_pipeline.defs import sensors
from capenh_pipeline.demo.checkpoints import FLORENCE_FOLDER
from capenh_pipeline_tests.command import capenh
from capenh_pipeline_tests.defs.watched import Watched
from capenh_pipeline_tests.fakes.llm_server import FakeLlmServer
from capenh_pipeline_tests.fakes.vlm_server import COLOURS, see
from capenh_pipeline_tests.images import colour, draw
from capenh_pipeline_tests.object_storage.dataset import BLUE, picture
from capenh_pipeline_tests.object_storage.servers import ACCESS_KEY, SECRET_KEY
from capenh_pipeline_tests.processes import PATIENCE_S
from capenh_pipeline_tests.stage_runs import NOTHING, Cost


@pytest.fixture
def drawn(tmp_path, s3_folder, monkeypatch):
    """A dataset of three drawn images in a bucket, and a folder whose `.env` names it."""
    for number in range(3):
        draw(tmp_path / f"{number}.png", number)
        (s3_folder / f"{number}.png").put((tmp_path / f"{number}.png").read_bytes())
    (s3_folder / "0.txt").put(b"sks circle")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    with FakeLlmServer(models=None) as server:
        (tmp_path / ".env").write_text(
            f"CAPENH_DATASET_DIR={s3_folder}\nCAPENH_MODEL_ID={FLORENCE_FOLDER}\n"
            f"CAPENH_BASE_URL={server.base_url}\nCAPENH_MODEL=any\n"
        )
        yield tmp_path


@pytest.mark.slow
def test_all_commands_work_on_a_dataset_in_a_bucket_with_its_store_in_it(drawn, s3_folder):
    (s3_folder / "bad.png").put(b"no image")
    done = capenh("enhance", cwd=drawn)
    assert done.returncode == 1, done.stderr
    assert f"Caption files: beside the images in {s3_folder}" in done.stdout
    assert f"Store: {s3_folder}/.capenh" in done.stdout
    assert b"sks circle" in (s3_folder / "0_combined.txt").read_bytes()
    failed = capenh("failures", cwd=drawn)
    assert failed.stdout.startswith("bad.png\timage_manifest\tnot_an_image\t")

    (s3_folder / "bad.png").unlink()
    again = capenh("enhance", cwd=drawn)
    assert again.returncode == 0, again.stderr
    assert "Nothing to do" in again.stdout
    planned = capenh("plan", cwd=drawn)
    assert planned.returncode == 0, planned.stderr
    checked = capenh("store", "check", "--deep", cwd=drawn)
    assert "3 caption files, 3 images" in checked.stdout, checked.stderr
    assert "Nothing is wrong." in checked.stdout
    (s3_folder / "1_combined.txt").put(b"a person's words")
    reported = capenh("report", cwd=drawn)
    assert "3 images, 1 edited by hand" in reported.stdout, reported.stderr
    output = "".join(one.stdout + one.stderr for one in (done, again, planned, checked, reported))
    assert not any(key in output for key in (ACCESS_KEY, SECRET_KEY))


@pytest.mark.slow
@pytest.mark.parametrize("words", [["--workers=2"], ["--isolate_images"]])
def test_other_processes_read_images_from_the_bucket(drawn, s3_folder, words):
    done = capenh("enhance", f"--store={drawn / 'store'}", *words, cwd=drawn)
    assert done.returncode == 0, done.stderr
    assert (s3_folder / "2_combined.txt").exists()


@pytest.mark.slow
def test_a_served_vlm_is_sent_images_of_a_bucket(drawn, s3_folder, tmp_path):
    (s3_folder / "red.png").put(colour(tmp_path / "red.png", COLOURS["red"]).read_bytes())
    for number in range(3):
        (s3_folder / f"{number}.png").unlink()
    with FakeLlmServer(see, models=["vlm"]) as vlm:
        words = [f"--vlm_base_url={vlm.base_url}", "--model_id=vlm", "--prompt=A ball, in"]
        done = capenh("enhance", f"--store={drawn / 'store'}", *words, cwd=drawn)
    assert done.returncode == 0, done.stderr
    assert (s3_folder / "red_combined.txt").read_bytes() == b"A ball, in red\n"


@pytest.mark.slow
def test_the_deep_check_names_an_image_with_other_bytes_and_a_file_that_is_gone(drawn, s3_folder):
    words = [f"--store={drawn / 'store'}"]
    assert capenh("enhance", *words, cwd=drawn).returncode == 0
    (s3_folder / "0.png").put((s3_folder / "1.png").read_bytes())
    (s3_folder / "2_combined.txt").unlink()
    checked = capenh("store", "check", "--deep", *words, cwd=drawn)
    assert f"HASH  {s3_folder}/0.png  its content has changed since" in checked.stdout
    assert f"LEDGER  {s3_folder}/2_combined.txt  a caption file that was wri" in checked.stdout


def test_a_wrong_bucket_is_one_sentence_and_exit_code_2(drawn):
    done = capenh("enhance", "--dataset_dir=s3://nowhere/images", cwd=drawn)
    assert done.returncode == 2
    assert "there is no such bucket" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_the_report_has_thumbnails_of_images_in_a_bucket(drawn, s3_folder, tmp_path):
    words = [f"--store={drawn / 'store'}"]
    assert capenh("enhance", *words, cwd=drawn).returncode == 0
    reported = capenh("report", *words, cwd=drawn)
    assert reported.returncode == 0, reported.stderr
    page = (drawn / "store" / "report.html").read_text()
    assert re.search(r'"thumbnail":\s*\["UklGR', page)
    assert f'"folder": "{s3_folder}/"' in page or f'"folder":"{s3_folder}/"' in page


@pytest.fixture
def sensed(new_bucket):
    """The bucket as a sensor looks at it, a minute later unless a test says otherwise."""
    watched = Watched(new_bucket.folder)
    watched.ahead = timedelta(minutes=1)
    watched.values |= {**new_bucket.runs.options, "model": "m", "prompt": "see"}
    watched.define()
    return watched


def test_a_sensor_asks_for_what_has_changed_in_a_bucket(new_bucket, sensed):
    assert len(sensed.look().run_requests) == 1
    assert new_bucket.runs.run() == Cost(0, 2, 2, 2)
    assert sensed.look().run_requests == []
    assert sensed.look().skip_message == "Nothing has changed: 2 images."
    new_bucket.put("new.png", picture(BLUE))
    sensed.ahead = timedelta()
    assert "wait for the next look" in sensed.look().skip_message
    sensed.ahead = timedelta(minutes=1)
    (request,) = sensed.look().run_requests
    shard = hashlib.sha256(picture(BLUE)).hexdigest()[0]
    assert request.tags["dagster/asset_partition_range_start"] == shard
    assert new_bucket.runs.run() == Cost(0, 1, 1, 1)
    assert new_bucket.runs.run() == NOTHING


def test_a_large_image_is_read_in_parts(new_bucket, monkeypatch):
    from capenh_pipeline.places import object_place

    content = BytesIO()
    Image.effect_noise((64, 64), 90).save(content, "PNG")
    assert len(content.getvalue()) > 3000
    monkeypatch.setattr(object_place, "PART_BYTES", 1000)
    new_bucket.put("noise.png", content.getvalue())
    new_bucket.runs.run()
    row = new_bucket.runs.manifest()["noise.png"]
    assert row["image_hash"] == hashlib.sha256(content.getvalue()).hexdigest()
    assert row["status"] == "ok"


def test_a_folder_that_takes_longer_than_a_tick_is_listed_between_the_ticks(
    new_bucket, sensed, monkeypatch
):
    gate, is_held = threading.Event(), threading.Event()

    def hold(_number, _method):
        if len(new_bucket.plan.asked) - since > 1:  # the first one tells that there is an image
            is_held.set()
            gate.wait(PATIENCE_S)

    since = len(new_bucket.plan.asked)
    new_bucket.plan.fault_of = hold
    with monkeypatch.context() as patch:
        patch.setattr(sensors, "BUDGET_S", 0.0)
        assert "goes on next time" in sensed.look().skip_message
        assert is_held.wait(PATIENCE_S)
        assert "goes on next time" in sensed.look().skip_message
    gate.set()
    assert len(sensed.look().run_requests) == 1
    listed = [one for one in new_bucket.plan.asked if one == f"GET /{new_bucket.folder.bucket}"]
    assert len(listed) == 1 + 2  # whether there is an image; the folder and its sub-folder, once
