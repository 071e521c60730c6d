"""The asset that makes the report."""

import dagster as dg

from capenh_pipeline.defs.pipeline import pipeline_definitions
from capenh_pipeline.defs.resources import Outside
from capenh_pipeline.domain.deployment import Deployment
from capenh_pipeline_tests.stored import OPTIONS, caption, draw_images

REPORT = dg.AssetKey("report")


def materialized(defs, instance):
    job = defs.resolve_implicit_global_asset_job_def()
    return job.execute_in_process(instance=instance, asset_selection=[REPORT], raise_on_error=False)


def definitions(dataset):
    return pipeline_definitions({**OPTIONS, "dataset_dir": str(dataset)}, Outside(environment=dict))


def test_the_asset_makes_the_page_and_says_what_is_in_it(tmp_path):
    draw_images(tmp_path / "images")
    caption(tmp_path / "images")
    with dg.DagsterInstance.ephemeral() as instance:
        result = materialized(definitions(tmp_path / "images"), instance)
        assert result.success
        told = instance.get_latest_materialization_event(REPORT).asset_materialization.metadata
    page = tmp_path / "images" / ".capenh" / "report.html"
    assert told["page"].value == str(page)
    assert told["size_bytes"].value == page.stat().st_size
    assert (told["images"].value, told["ok"].value, told["failed"].value) == (7, 6, 1)


def test_what_is_wrong_is_one_sentence(tmp_path):
    with dg.DagsterInstance.ephemeral() as instance:
        result = materialized(definitions(tmp_path / "nowhere"), instance)
    [failure] = result.get_step_failure_events()
    assert str(tmp_path / "nowhere") in failure.step_failure_data.user_failure_data.description


def test_it_is_found_by_its_owners_and_its_dataset(tmp_path):
    deployment = Deployment(owners="team:captions")
    values = {**OPTIONS, "dataset_dir": str(tmp_path / "birds")}
    defs = pipeline_definitions(values, Outside(environment=dict), deployment)
    report = defs.resolve_asset_graph().get(REPORT)
    assert report.owners == ["team:captions"]
    assert report.tags["capenh/dataset"] == "birds"


def test_the_job_that_captions_leaves_it_out():
    defs = pipeline_definitions({}, Outside())
    in_job = defs.resolve_job_def("enhance_captions").asset_layer.executable_asset_keys
    assert REPORT not in in_job
    assert len(in_job) == 4
