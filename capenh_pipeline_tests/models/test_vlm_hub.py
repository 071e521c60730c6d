"""The config of a checkpoint, from a hub on loopback or from its cache."""

import json
import shutil

import pytest
from PIL import Image

from capenh_pipeline.demo.checkpoints import FLORENCE_FOLDER
from capenh_pipeline_tests.fakes.hub import FakeHub
from capenh_pipeline_tests.models.hub_process import answers, printed

COMMIT = "0123456789abcdef0123456789abcdef01234567"
CONFIG = {"model_type": "florence2"}

CAPTION = """
import json, sys
from PIL import Image
from capenh_pipeline.models.vlm import load_vlm
from capenh_pipeline.models.vlm_settings import VlmSettings
for model_id in sys.argv[1:]:
    vlm = load_vlm(VlmSettings(model_id, revision="v1", device="cpu"))
    reply, = vlm.generate(vlm.prepare([Image.new("RGB", (64, 64), "red")]))
    print(json.dumps([vlm.effective_model_id, vlm.revision, reply.caption]))
"""


@pytest.fixture
def hub():
    with FakeHub() as started:
        yield started


def test_a_config_comes_from_the_hub_with_its_commit_and_is_found_again_without_it(hub, tmp_path):
    commit = hub.push("org/open", {"config.json": json.dumps(CONFIG).encode()})
    first = answers("read_config", [("org/open", None)], cache=tmp_path, HF_ENDPOINT=hub.endpoint)
    assert first.values == [[CONFIG, commit]]
    branch, pinned, other = answers(
        "read_config",
        [("org/open", None), ("org/open", commit), ("org/other", None)],
        cache=tmp_path,
        HF_HUB_OFFLINE="1",
    ).values
    assert branch == pinned == [CONFIG, commit]
    assert "org/other is not on this machine and the Hugging Face hub cannot be reached" in other


@pytest.mark.parametrize(
    ("content", "complaint"), [(b"{", "is not valid JSON"), (b"[]", "holds no JSON object")]
)
def test_a_config_that_is_none_is_named(hub, tmp_path, content, complaint):
    hub.push("org/odd", {"config.json": content})
    asked = answers("read_config", [("org/odd", None)], cache=tmp_path, HF_ENDPOINT=hub.endpoint)
    assert complaint in asked.values[0]


@pytest.mark.slow
def test_the_asked_revision_of_a_hub_model_captions_and_is_named_by_its_commit(
    load, original_florence, tmp_path
):
    for name, folder in (("native", FLORENCE_FOLDER), ("original", original_florence)):
        model = tmp_path / "hub" / f"models--org--{name}"
        (model / "refs").mkdir(parents=True)
        (model / "refs" / "v1").write_text(COMMIT)
        shutil.copytree(folder, model / "snapshots" / COMMIT)
        (model / "refs" / "main").write_text("f" * 40)
        (model / "snapshots" / ("f" * 40)).mkdir()
    (native, original), _ = printed(
        [CAPTION, "org/native", "org/original"], cache=tmp_path, HF_HUB_OFFLINE="1"
    )
    here = load(FLORENCE_FOLDER)
    (reply,) = here.generate(here.prepare([Image.new("RGB", (64, 64), "red")]))
    assert native == ["org/native", COMMIT, reply.caption]
    assert original == ["org/original", COMMIT, reply.caption]
