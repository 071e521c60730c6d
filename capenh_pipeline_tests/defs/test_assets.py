"""What Dagster is told: partitions, metadata, and which error ends a run."""

import dagster as dg
import pytest

from capenh_pipeline.defs.pipeline import pipeline_definitions
from capenh_pipeline.defs.resources import Outside
from capenh_pipeline.domain.deployment import Deployment
from capenh_pipeline.errors import ServerError
from capenh_pipeline.stages.progress import LineProgress
from capenh_pipeline_tests.fakes.llm import EchoLlm
from capenh_pipeline_tests.fakes.vlm import ColourVlm, CountingLoader
from capenh_pipeline_tests.images import colour

KEYS = ["image_manifest", "vlm_captions", "combined_captions", "caption_files"]


class UnreachableLlm(EchoLlm):
    def check(self):
        raise ServerError("no LLM server answers")


@pytest.fixture
def images(tmp_path):
    for number in range(4):
        colour(tmp_path / "images" / f"{number}.png", (number, 0, 0))
    return tmp_path / "images"


def materialize(images, *, llm=EchoLlm, loader=ColourVlm, selection="*", keys=("0", "f"), **values):
    outside = Outside(
        load_vlm=loader,
        connect_llm=lambda choice: llm(),
        environment=dict,
        progress=LineProgress(lambda line: None),
    )
    defs = pipeline_definitions(
        {"dataset_dir": str(images), "base_url": "http://x/v1", **values}, outside
    )
    with dg.DagsterInstance.ephemeral() as instance:
        return defs.resolve_implicit_global_asset_job_def().execute_in_process(
            instance=instance,
            asset_selection=None if selection == "*" else [dg.AssetKey(selection)],
            tags={
                "dagster/asset_partition_range_start": keys[0],
                "dagster/asset_partition_range_end": keys[1],
            },
            raise_on_error=False,
        )


def materializations(result):
    return [
        event.step_materialization_data.materialization
        for event in result.get_asset_materialization_events()
    ]


def failure_text(result):
    return " ".join(
        str(event.step_failure_data.error)
        for event in result.all_events
        if event.is_step_failure and event.step_failure_data.error
    )


@pytest.mark.parametrize(("digits", "partitions"), [(1, 16), (2, 256)])
def test_every_asset_has_one_partition_for_each_prefix(digits, partitions):
    defs = pipeline_definitions({"shard_digits": digits}, Outside())
    for key in KEYS:
        assets_def = defs.resolve_assets_def(key)
        assert len(assets_def.partitions_def.get_partition_keys()) == partitions
        assert assets_def.backfill_policy == dg.BackfillPolicy.single_run()


def test_every_shard_of_every_asset_is_emitted_with_its_counts(images):
    found = [m for m in materializations(materialize(images)) if m.asset_key.path[-1] in KEYS]
    assert len(found) == 4 * 16
    for key in KEYS:
        shards = [m for m in found if m.asset_key.path == [key]]
        assert {m.partition for m in shards} == set("0123456789abcdef")
        for name in ("images", "computed"):
            assert sum(m.metadata[name].value for m in shards) == 4


def test_the_ui_shows_what_each_asset_is():
    defs = pipeline_definitions({}, Outside(), Deployment())
    for key in KEYS:
        assets_def = defs.resolve_assets_def(key)
        assert len(assets_def.descriptions_by_key[dg.AssetKey(key)]) > 40
    assert [defs.resolve_assets_def(key).op.pool for key in KEYS] == [None, "gpu", "llm", None]


def test_an_unreachable_llm_stops_the_run_before_the_vlm_is_loaded(images):
    loader = CountingLoader(ColourVlm)
    result = materialize(images, llm=UnreachableLlm, loader=loader)
    assert not result.success
    assert "no LLM server answers" in failure_text(result)
    assert loader.loads == 0


def test_the_vlm_captions_alone_need_no_llm(images):
    materialize(images, selection="image_manifest")
    result = materialize(images, llm=UnreachableLlm, selection="vlm_captions")
    assert result.success
    assert sum(m.metadata["computed"].value for m in materializations(result)) == 4


def test_an_error_of_ours_is_a_failure_with_its_sentence(tmp_path):
    result = materialize(tmp_path / "nowhere")
    assert not result.success
    assert "name the folder that holds the images" in failure_text(result)


def test_the_launchpad_changes_what_runs_and_leaves_the_other_options(images):
    outside = Outside(
        load_vlm=ColourVlm,
        connect_llm=lambda choice: EchoLlm(),
        environment=dict,
        progress=LineProgress(lambda line: None),
    )
    values = {"dataset_dir": str(images), "base_url": "http://x/v1", "combined_suffix": ".both"}
    job = pipeline_definitions(values, outside).resolve_job_def("enhance_captions")
    with dg.DagsterInstance.ephemeral() as instance:
        job.execute_in_process(
            instance=instance,
            tags={
                "dagster/asset_partition_range_start": "0",
                "dagster/asset_partition_range_end": "f",
            },
            run_config={"resources": {"options": {"config": {"trigger_word": "sks"}}}},
        )
    assert (images / "0.both.txt").read_text().startswith("sks, ")
