"""Several datasets in one deployment: the example of the README, as somebody would use it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from capenh_pipeline.components import CaptionedDataset
from capenh_pipeline.demo.checkpoints import FLORENCE_FOLDER
from capenh_pipeline.domain.options import option_fields
from capenh_pipeline.errors import ConfigurationError
from capenh_pipeline_tests.fakes.llm_server import FakeLlmServer
from capenh_pipeline_tests.images import draw

EXAMPLE = Path(__file__).parents[1] / "examples" / "several_datasets"
ALL_SHARDS = {
    f"dagster/asset_partition_range_{end}": key
    for end, key in zip(("start", "end"), "0f", strict=True)
}

# Dagster reads YAML by a function that pydantic has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:`parse_obj_as` is deprecated")
ASSETS = {"image_manifest", "vlm_captions", "combined_captions", "caption_files"}


STARTED = {
    "jobs": ("enhance_captions", "enhance_and_check", "check_captions"),
    "sensors": ("new_images",),
    "schedules": ("nightly_rerun",),
}


@pytest.fixture
def deployment(tmp_path, monkeypatch):
    """A copy of the example with two images in each dataset; it is the working directory."""
    folder = tmp_path / "deployment"
    shutil.copytree(EXAMPLE, folder)
    for number, name in enumerate(["dogs/a", "dogs/b", "cats/c", "cats/d"]):
        draw(folder / "images" / f"{name}.png", number)
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(folder)
    yield folder
    for name in [name for name in sys.modules if name.split(".")[0] == "captioned"]:
        del sys.modules[name]


def dg_command(*words):
    return subprocess.run(  # noqa: S603  # the tool beside our own interpreter
        [Path(sys.executable).with_name("dg"), *words],
        env=os.environ,
        capture_output=True,
        text=True,
        check=False,
    )


def definitions(text):
    component = CaptionedDataset.resolve_from_yaml(text)
    return component.build_defs(dg.ComponentTree.for_test().load_context)


@pytest.mark.slow
def test_two_datasets_are_captioned_each_by_its_own_job_and_options(deployment, monkeypatch):
    monkeypatch.setenv("CAPENH_MODEL_ID", str(FLORENCE_FOLDER))
    monkeypatch.setenv("CAPENH_MODEL", "any")
    monkeypatch.setenv("CAPENH_DATASET_DIR", "/somewhere/else")
    with FakeLlmServer(models=None) as server, dg.DagsterInstance.ephemeral() as instance:
        monkeypatch.setenv("CAPENH_BASE_URL", server.base_url)
        defs = dg.load_from_defs_folder(path_within_project=deployment / "captioned")
        job = defs.resolve_job_def("dogs_enhance_captions")
        assert job.execute_in_process(instance=instance, tags=ALL_SHARDS).success
        assert [*(deployment / "images" / "cats").glob("*.txt")] == []
        job = defs.resolve_job_def("cats_enhance_captions")
        assert job.execute_in_process(instance=instance, tags=ALL_SHARDS).success
    names = {path.name for path in (deployment / "images").rglob("*.txt")}
    assert names == {"a_combined.txt", "b_combined.txt", "c_both.txt", "d_both.txt"}
    dog, cat = (deployment / "images" / name for name in ("dogs/a_combined.txt", "cats/c_both.txt"))
    assert "sks" in dog.read_text()
    assert "sks" not in cat.read_text()


def test_one_run_over_both_datasets_gives_each_asset_its_own_resources(deployment, monkeypatch):
    defs = dg.load_from_defs_folder(path_within_project=deployment / "captioned")
    with dg.DagsterInstance.ephemeral() as instance:
        done = defs.resolve_implicit_global_asset_job_def().execute_in_process(
            instance=instance,
            tags=ALL_SHARDS,
            asset_selection=[dg.AssetKey([name, "image_manifest"]) for name in ("dogs", "cats")],
        )
    found = done.get_asset_materialization_events()
    for name in ("dogs", "cats"):
        of_it = [e.materialization for e in found if e.asset_key.path == [name, "image_manifest"]]
        assert sum(m.metadata["images"].value for m in of_it) == 2


@pytest.mark.slow
def test_dg_knows_the_component_its_schema_and_what_it_makes(deployment):
    listed = dg_command("list", "components", "--json")
    assert "capenh_pipeline.components.CaptionedDataset" in listed.stdout, listed.stderr
    described = dg_command(
        "utils", "inspect-component", "capenh_pipeline.components.CaptionedDataset"
    )
    for option in option_fields():
        assert json.dumps(option.metadata["help"])[1:-1] in described.stdout, option.name
    checked = dg_command("check", "defs")
    assert checked.returncode == 0, checked.stderr
    made = json.loads(dg_command("list", "defs", "--json").stdout)
    groups = {(asset["group_name"], asset["asset_key"]) for asset in made["assets"]}
    assert groups == {
        *((name, f"{name}/{key}") for name in ("dogs", "cats") for key in ASSETS),
        *((f"{name}_reports", f"{name}/report") for name in ("dogs", "cats")),
    }
    for kind, words in STARTED.items():
        named = {one["name"] for one in made[kind]}
        assert named == {f"{name}_{word}" for name in ("dogs", "cats") for word in words}


@pytest.mark.slow
def test_dg_names_the_line_of_an_attribute_that_there_is_not(deployment):
    path = deployment / "captioned" / "defs" / "dogs" / "defs.yaml"
    path.write_text(path.read_text().replace("trigger_word", "trigger"))
    checked = dg_command("check", "yaml")
    assert checked.returncode == 1
    assert f"{path}:7" in checked.stdout
    assert "'trigger' was unexpected" in checked.stdout


def test_every_option_is_an_attribute_with_its_name_and_default():
    schema = CaptionedDataset.get_model_cls().model_json_schema()
    assert set(schema["properties"]) == {"name", *(option.name for option in option_fields())}
    assert set(schema["required"]) == {"name", "dataset_dir"}
    for option in option_fields():
        if option.name != "dataset_dir":
            assert schema["properties"][option.name]["default"] == option.default


def test_a_value_that_cannot_work_is_one_sentence():
    with pytest.raises(ConfigurationError, match="must be one of protect, overwrite"):
        definitions("{name: dogs, dataset_dir: x, write_policy: never}")
    with pytest.raises(ConfigurationError, match="letters, digits and _"):
        definitions("{name: my dogs, dataset_dir: x}")


def test_two_datasets_of_one_name_are_told_by_their_folders(deployment):
    path = deployment / "captioned" / "defs" / "cats" / "defs.yaml"
    path.write_text(path.read_text().replace("name: cats", "name: dogs"))
    with pytest.raises(Exception, match="building definitions") as told:
        dg.load_from_defs_folder(path_within_project=deployment / "captioned")
    while told := (told.value if hasattr(told, "value") else told).__cause__:
        error = told
    assert isinstance(error, ConfigurationError)
    assert str(error) == (
        "Two datasets are named 'dogs': those of dataset_dir images/cats and images/dogs; give "
        "one of them another name in its defs.yaml."
    )


def test_the_llm_is_named_as_everywhere(monkeypatch):
    monkeypatch.setenv("LLM_OF_MINE", "a-large-one")
    text = "{name: dogs, dataset_dir: x, model: '{{ env.LLM_OF_MINE }}'}"
    resource = definitions(text).resources["dogs_options"]
    assert resource.options().model == "a-large-one"
