"""Which LLM a run uses follows from the options and the environment, by the contract."""

import hashlib

import pytest

from capenh_pipeline.demo.checkpoints import FLORENCE_FOLDER, MERGE_LLM_FOLDER
from capenh_pipeline.domain.options import DEFAULT_LOCAL_LLM, Options
from capenh_pipeline.errors import ModelError
from capenh_pipeline.models.choice import choose_llm, choose_vlm

URL = "http://127.0.0.1:1/v1"


def file_hash(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def llm(environment=None, **options):
    return choose_llm(
        Options(**options), system_prompt=None, environment=environment or {}, file_hash=file_hash
    )


def vlm(**options):
    return choose_vlm(Options(**options), system_prompt=None, file_hash=file_hash)


@pytest.mark.parametrize(
    ("environment", "options", "base_url", "is_served_here"),
    [
        ({}, {}, None, True),
        ({}, {"model": str(MERGE_LLM_FOLDER)}, None, True),
        ({}, {"base_url": URL}, URL, False),
        ({"OPENAI_BASE_URL": URL}, {}, URL, False),
        ({"OPENAI_BASE_URL": "http://other/v1"}, {"base_url": URL}, URL, False),
        ({"OPENAI_BASE_URL": URL}, {"model": str(MERGE_LLM_FOLDER)}, URL, False),
        ({"OPENAI_API_KEY": "key"}, {"model": "gpt"}, None, False),
        ({"OPENAI_API_KEY": "key"}, {"model": str(MERGE_LLM_FOLDER)}, None, True),
    ],
)
def test_a_server_is_used_where_one_is_named(environment, options, base_url, is_served_here):
    choice = llm(environment, **options)
    assert (choice.settings.base_url, choice.is_served_here) == (base_url, is_served_here)


def test_without_a_server_there_is_a_default_model():
    assert llm().settings.model == DEFAULT_LOCAL_LLM


def test_with_a_server_its_only_model_is_the_default():
    assert llm(base_url=URL).settings.model is None


def test_the_key_is_never_shown():
    assert "canary" not in repr(llm({"OPENAI_API_KEY": "canary"}))


def test_a_folder_that_is_not_there_is_named_before_any_work():
    with pytest.raises(ModelError, match=r"\./nowhere"):
        llm(model="./nowhere")
    with pytest.raises(ModelError, match=r"\./nowhere"):
        vlm(model_id="./nowhere")


def test_a_microsoft_florence_is_its_native_twin_with_a_warning():
    original, native = (
        vlm(model_id=f"{owner}/Florence-2-large-ft")
        for owner in ("microsoft", "florence-community")
    )
    assert original.recipe.hash == native.recipe.hash
    assert "florence-community/Florence-2-large-ft" in original.warning
    assert native.warning is None


def test_a_local_checkpoint_is_known_by_its_content():
    assert vlm(model_id=str(FLORENCE_FOLDER)).recipe.values["checkpoint"] != str(FLORENCE_FOLDER)
