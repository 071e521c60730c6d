"""Asset checks as Dagster runs them."""

import dagster as dg
import pytest

from capenh_pipeline.defs.checks import CHECKS
from capenh_pipeline.stages.survey import EXAMPLES
from capenh_pipeline_tests.defs.jobs import definitions, executed
from capenh_pipeline_tests.images import colour

ALL_SHARDS = ("0", "f")
ALL_CHECKS = {(asset, name) for asset, names in CHECKS.items() for name in names}


@pytest.fixture
def images(tmp_path):
    for number in range(4):
        colour(tmp_path / "images" / f"{number}.png", (number, 0, 0))
    return tmp_path / "images"


def execute(images, job, *, shards=None):
    return executed(definitions(dataset_dir=str(images)), job, shards=shards)


def evaluations(result):
    return {
        (one.asset_key.path[-1], one.check_name): one
        for one in result.get_asset_check_evaluations()
    }


def test_the_job_of_the_command_line_runs_no_check(images):
    result = execute(images, "enhance_captions", shards=ALL_SHARDS)
    assert result.success
    assert not evaluations(result)


def test_the_job_of_the_checks_runs_them_all_and_computes_nothing(images):
    execute(images, "enhance_captions", shards=ALL_SHARDS)
    result = execute(images, "check_captions")
    assert result.success
    assert not result.get_asset_materialization_events()
    assert evaluations(result).keys() == ALL_CHECKS
    assert all(one.passed for one in evaluations(result).values())


def test_what_is_materialized_in_the_ui_is_checked_with_it_whatever_the_range(images):
    result = execute(images, None, shards=ALL_SHARDS)
    assert result.success
    assert evaluations(result).keys() == ALL_CHECKS
    assert all(one.passed for one in evaluations(result).values())


@pytest.mark.slow
def test_a_check_that_fails_has_a_severity_a_sentence_and_the_rows_and_ends_no_run(images):
    execute(images, "enhance_captions", shards=ALL_SHARDS)
    (images / "bad|one.png").write_bytes(b"bad")
    for number in range(4, 4 + 2 * EXAMPLES):
        (images / f"{number}.png").write_bytes(b"bad %d" % number)
    execute(images, "enhance_captions", shards=ALL_SHARDS)
    result = execute(images, "check_captions")
    assert result.success
    found = evaluations(result)
    rate = found["image_manifest", "failure_rate"]
    assert not rate.passed
    assert rate.severity == dg.AssetCheckSeverity.ERROR
    assert "91.11% of 45 images failed (not_an_image 41); 5.00% may." in rate.description
    assert len(rate.metadata["rows_that_break_it"].records) == EXAMPLES
    assert found["vlm_captions", "failure_rate"].passed
    lacking = found["vlm_captions", "all_images_have_captions"]
    assert not lacking.passed
    assert lacking.severity == dg.AssetCheckSeverity.WARN
    assert lacking.metadata["lacking"].value == 41


def test_a_store_that_cannot_be_opened_fails_every_check_with_a_sentence(images):
    execute(images, "enhance_captions", shards=ALL_SHARDS)
    (images / ".capenh" / "store.json").write_text("{")
    result = execute(images, "check_captions")
    assert result.success
    found = evaluations(result)
    assert found.keys() == ALL_CHECKS
    for one in found.values():
        assert not one.passed
        assert one.severity == dg.AssetCheckSeverity.ERROR
        assert "store.json" in one.description


def test_a_part_that_cannot_be_read_fails_the_checks_that_read_it(images):
    execute(images, "enhance_captions", shards=ALL_SHARDS)
    part = next((images / ".capenh" / "vlm_captions").rglob("part-*.parquet"))
    part.write_bytes(b"damaged")
    result = execute(images, "check_captions")
    assert result.success
    found = evaluations(result)
    assert not found["image_manifest", "store_opens"].passed
    assert part.name in found["vlm_captions", "captions_differ"].description
