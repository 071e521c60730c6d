"""What the assets say about themselves and their runs."""

import pytest

from capenh_pipeline.defs.metadata import Measured, shard_metadata
from capenh_pipeline.domain.deployment import Deployment
from capenh_pipeline.stages.run import Report
from capenh_pipeline_tests.defs.jobs import ASSETS, definitions, materializations
from capenh_pipeline_tests.images import colour

NUMBERS = {"images", "computed", "reused", "failed", "seconds", "images_per_s"}


def spec(name, **chosen):
    (found,) = definitions(deployment=Deployment(**chosen)).resolve_assets_def(name).specs
    return found


@pytest.mark.parametrize("name", ASSETS)
def test_an_asset_has_all_that_the_ui_shows_of_it(name):
    found = spec(name, owners="anna@example.org, team:captions")
    assert found.owners == ["anna@example.org", "team:captions"]
    assert found.group_name == "captions"
    assert found.kinds
    assert found.tags["capenh/step"]
    schema = found.metadata["dagster/column_schema"]
    assert all(column.description for column in schema.columns)


def test_assets_are_found_by_dataset_and_recipe(tmp_path):
    dataset = tmp_path / "dogs"
    (asset,) = definitions(dataset_dir=str(dataset)).resolve_assets_def("vlm_captions").specs
    assert asset.tags["capenh/dataset"] == "dogs"
    assert asset.tags["capenh/vlm_recipe"] == asset.code_version
    odd = definitions(dataset_dir=str(tmp_path / "dogs & cats"))
    (asset,) = odd.resolve_assets_def("vlm_captions").specs  # Dagster takes no such value
    assert "capenh/dataset" not in asset.tags


def test_without_owners_there_are_none():
    assert not spec("vlm_captions").owners


def materialized(images, **arguments):
    found = materializations(images, **arguments)
    return {name: {one.partition: one.metadata for one in told} for name, told in found.items()}


@pytest.fixture
def images(tmp_path):
    for number in range(20):
        colour(tmp_path / "images" / f"{number}.png", (number, 0, 0))
    colour(tmp_path / "images" / "copy.png", (0, 0, 0))
    return tmp_path / "images"


def test_rows_are_counted_in_the_shard_and_in_the_whole_table(images):
    rows = {"image_manifest": 21, "vlm_captions": 20, "combined_captions": 20, "caption_files": 21}
    for name, by_shard in materialized(images).items():
        assert {one["dagster/row_count"].value for one in by_shard.values()} == {rows[name]}
        counts = [one["dagster/partition_row_count"].value for one in by_shard.values()]
        assert sum(counts) == rows[name]
        assert counts == [one["images"].value for one in by_shard.values()]
    one_shard = materialized(images, shards=("3", "3"))
    assert one_shard["vlm_captions"]["3"]["dagster/row_count"].value == 20


def test_the_numbers_of_a_shard_plot_over_time(images):
    first, again = materialized(images), materialized(images)
    for name in ASSETS:
        for one in first[name].values():
            assert one.keys() >= (NUMBERS if one["computed"].value else NUMBERS - {"images_per_s"})
        rates = [one.get("images_per_s") for one in first[name].values()]
        assert any(rate is not None and rate.value > 0 for rate in rates)
        assert not any("images_per_s" in one for one in again[name].values())
    made = [one for one in first["combined_captions"].values() if one["computed"].value]
    for one in made:
        assert one.keys() >= {"prompt_tokens", "completion_tokens"}
    assert all("new_tokens" in one for one in first["vlm_captions"].values())


def test_a_distribution_is_one_line_and_left_out_where_nothing_has_a_score():
    figures = {"support_distribution": [0] * 9 + [2], "retention_distribution": [0] * 10}
    report = Report({"0": {"images": 2, "computed": 2}}, figures={"0": figures})
    shown = shard_metadata("0", "combined_captions", Measured(report, 1.0, {}))
    assert shown["support_distribution"] == "0 ▁▁▁▁▁▁▁▁▁█ 1"
    assert "retention_distribution" not in shown
