"""Sensor, schedule and staleness with Dagster's own daemon, as `dagster dev` starts it."""

import os
import signal

import pytest

from capenh_pipeline.demo.checkpoints import FLORENCE_FOLDER
from capenh_pipeline_tests.defs.webserver import ENDS, Dagster
from capenh_pipeline_tests.fakes.gate import Gate
from capenh_pipeline_tests.fakes.llm_server import FakeLlmServer
from capenh_pipeline_tests.images import draw
from capenh_pipeline_tests.processes import wait_until


def settings(folder, **changes):
    """Write `.env`, where the definitions look for the options."""
    lines = [f"CAPENH_{name.upper()}={text}" for name, text in changes.items()]
    (folder / ".env").write_text("\n".join(lines) + "\n")


def ended(dagster, count):
    """Wait until there are so many runs and all are over; return their ends, the newest first."""

    def are_over():
        runs = dagster.runs()
        return len(runs) >= count and all(run["status"] in ENDS for run in runs)

    wait_until(are_over)
    return [run["status"] for run in dagster.runs()]


@pytest.mark.slow
def test_images_that_land_are_captioned_once_and_a_new_model_is_seen_as_stale(tmp_path):
    images = tmp_path / "images"
    draw(images / "first.png", 1)
    with FakeLlmServer(models=None) as server:
        options = {
            "dataset_dir": images,
            "model_id": FLORENCE_FOLDER,
            "base_url": server.base_url,
            "model": "one",
            "watch": "true",
            "watch_interval_s": 1,
            "rerun_cron": "0 0 29 2 *",  # never while this runs
        }
        settings(tmp_path, **options)
        with Dagster(tmp_path) as dagster:
            assert ended(dagster, 1) == ["SUCCESS"]
            for number in range(3):
                draw(images / f"landed{number}.png", 10 + number)
            wait_until(lambda: len(server.requests) == 4)
            ended(dagster, 2)
            wait_until(lambda: dagster.skipped("new_images")[0] == "Nothing has changed: 4 images.")
            runs = ended(dagster, 2)
            # one that lands in the moment of a look may come with the next
            assert set(runs) == {"SUCCESS"}
            assert len(runs) <= 3
            assert all((images / f"landed{number}_combined.txt").exists() for number in range(3))
            assert set(dagster.stale().values()) == {"FRESH"}

            settings(tmp_path, **{**options, "model": "two", "rerun_cron": "* * * * *"})
            dagster.reload()
            wait_until(lambda: dagster.stale()["combined_captions"] == "STALE")
            assert dagster.stale()["vlm_captions"] == "FRESH"
            before = len(server.requests)
            ended(dagster, len(runs) + 1)
            asked = [request.body["model"] for request in server.requests[before:]]
            assert asked == ["two"] * 4
            assert dagster.stale()["combined_captions"] == "FRESH"


@pytest.mark.soak
def test_a_run_that_is_killed_is_run_again_and_loses_nothing(tmp_path):
    images, number_of_images, finished = tmp_path / "images", 6, 2
    for number in range(number_of_images):
        draw(images / f"{number}.png", number)
    gate = Gate(finished)
    with FakeLlmServer(gate, models=None) as server:
        settings(
            tmp_path,
            dataset_dir=images,
            model_id=FLORENCE_FOLDER,
            base_url=server.base_url,
            model="one",
            concurrency=1,
            checkpoint_rows=1,
        )
        with Dagster(tmp_path) as dagster:
            killed = dagster.launch("enhance_captions", shards=("0", "f"))
            rows = images / ".capenh" / "combined_captions"
            wait_until(lambda: len([*rows.rglob("part-*.parquet")]) == finished)
            for process in dagster.run_processes():
                os.kill(process, signal.SIGKILL)
            gate.opened.set()
            assert dagster.end_of(killed) == "FAILURE"
            wait_until(lambda: len(dagster.runs()) == 2)
            again = dagster.runs()[0]["runId"]
            wait_until(lambda: len(server.requests) > finished + 1)  # it has its turn
            assert dagster.end_of(again) == "SUCCESS"
            assert len(dagster.runs()) == 2
    assert len([*images.glob("*_combined.txt")]) == number_of_images
    assert len(server.requests) == number_of_images + 1  # one was on its way
