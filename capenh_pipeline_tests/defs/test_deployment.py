"""What a deployment has that a single command has not: turns, pools, retries, a schedule."""

import threading

import dagster as dg
import pytest

from capenh_pipeline.defs import failures
from capenh_pipeline.defs.pipeline import pipeline_definitions
from capenh_pipeline.defs.resources import Outside
from capenh_pipeline.defs.run_tags import queue_tags
from capenh_pipeline.defs.turns import its_turn
from capenh_pipeline.domain.deployment import Deployment, deployment_from_environment
from capenh_pipeline.domain.options import Options
from capenh_pipeline.errors import ConfigurationError, OutageError
from capenh_pipeline.tables.store import Store
from capenh_pipeline_tests.defs.jobs import definitions, executed
from capenh_pipeline_tests.fakes.llm import EchoLlm
from capenh_pipeline_tests.images import colour
from capenh_pipeline_tests.processes import PATIENCE_S


def test_a_step_waits_until_the_store_is_free(tmp_path, caplog):
    caplog.set_level("INFO", logger="capenh_pipeline")
    store = Store.open(tmp_path, shard_digits=1, dataset=None)
    entered = threading.Event()

    def take_turn():
        with its_turn(store):
            entered.set()

    waiting = threading.Thread(target=take_turn)
    with store.held():
        waiting.start()
        assert not entered.wait(timeout=1.5)
    waiting.join(PATIENCE_S)
    assert entered.is_set()
    assert caplog.text.count("Another run is at work on the store") == 1


def test_a_command_takes_no_part_in_pools_and_starts_nothing_by_itself():
    command, deployed = (
        pipeline_definitions({}, Outside(), deployment) for deployment in (None, Deployment())
    )
    assert not command.sensors
    assert not command.schedules
    steps = [each.resolve_assets_def("vlm_captions").op for each in (command, deployed)]
    assert [step.pool for step in steps] == [None, "gpu"]


def test_only_runs_of_a_deployment_are_queued_one_after_the_other(tmp_path):
    """A command that is killed stays "started": with the tag, the queue would wait for it."""

    def tags(deployment):
        pipeline = definitions(deployment=deployment, dataset_dir=str(tmp_path / "dogs"))
        return pipeline.resolve_job_def("enhance_captions").run_tags

    assert "capenh/store" not in tags(None)
    assert tags(Deployment())["capenh/store"] == str(tmp_path / "dogs" / ".capenh")
    assert tags(None)["capenh/dataset"] == "dogs"


def test_a_store_has_one_tag_however_it_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    named = [{"dataset_dir": "dogs"}, {"dataset_dir": "cats", "store": "dogs/.capenh"}]
    assert len({queue_tags(Options(**values))["capenh/store"] for values in named}) == 1


def test_the_nightly_run_covers_all_shards_and_tries_again_what_may_have_passed():
    pipeline = pipeline_definitions({"shard_digits": 2}, Outside(), Deployment())
    (schedule,) = pipeline.schedules
    request = schedule.evaluate_tick(dg.build_schedule_context()).run_requests[0]
    assert schedule.job_name == "enhance_and_check"
    assert request.tags["dagster/asset_partition_range_start"] == "00"
    assert request.tags["dagster/asset_partition_range_end"] == "ff"
    assert request.run_config["resources"]["options"]["config"] == {"retry_transient": True}


def test_the_environment_sets_what_a_deployment_chooses():
    chosen = deployment_from_environment(
        {"CAPENH_WATCH": "yes", "CAPENH_WATCH_INTERVAL_S": "5", "CAPENH_RERUN_CRON": "5 4 * * 1"}
    )
    assert chosen == Deployment(watch=True, watch_interval_s=5, rerun_cron="5 4 * * 1")
    with pytest.raises(ConfigurationError, match="CAPENH_WATCH_INTERVAL_S is 'often'"):
        deployment_from_environment({"CAPENH_WATCH_INTERVAL_S": "often"})


@pytest.mark.parametrize("options", [{"rerun_cron": "often"}, {"time_zone": "Mars/Olympus"}])
def test_a_time_that_cannot_be_is_named(options):
    (value,) = options.values()
    with pytest.raises(ConfigurationError, match=value):
        pipeline_definitions({}, Outside(), Deployment(**options))


VERSIONS = ("vlm_captions", "combined_captions", "caption_files")


@pytest.mark.parametrize(
    ("option", "value", "changed"),
    [
        ("prompt", "What is this?", {"vlm_captions"}),
        ("model_id", "somebody/else", {"vlm_captions"}),
        ("model", "other", {"combined_captions"}),
        ("llm_temperature", 0.5, {"combined_captions"}),
        ("combined_suffix", "_merged", {"caption_files"}),
        ("trigger_word", "sks", {"caption_files"}),
        ("concurrency", 3, set()),
        ("base_url", "http://elsewhere/v1", set()),
    ],
)
def test_the_code_version_follows_the_options_that_shape_an_asset(option, value, changed):
    def versions(**values):
        pipeline = pipeline_definitions(values, Outside())
        found = [pipeline.resolve_assets_def(name) for name in VERSIONS]
        return [asset.code_versions_by_key[asset.key] for asset in found]

    pairs = zip(VERSIONS, versions(), versions(**{option: value}), strict=True)
    assert {name for name, before, after in pairs if before != after} == changed


class ComingBack(EchoLlm):
    """A server that is away at first."""

    absences = 0

    def check(self):
        if ComingBack.absences:
            ComingBack.absences -= 1
            raise OutageError("No LLM server answers.")


@pytest.mark.parametrize(("absences", "succeeds"), [(2, True), (3, False)])
def test_a_step_whose_server_is_away_is_tried_again_twice(
    tmp_path, monkeypatch, absences, succeeds
):
    monkeypatch.setattr(failures, "FIRST_RETRY_S", 0.0)
    monkeypatch.setattr(ComingBack, "absences", absences)
    colour(tmp_path / "images" / "a.png", (1, 2, 3))
    pipeline = definitions(
        llm=ComingBack, deployment=Deployment(), dataset_dir=str(tmp_path / "images")
    )
    result = executed(pipeline)
    assert result.success is succeeds
    failed = [event.step_failure_data for event in result.all_events if event.is_step_failure]
    told = [data.user_failure_data.description for data in failed if data.user_failure_data]
    assert told == ([] if succeeds else ["No LLM server answers."])
