"""Which LLM a run uses follows from the options and the environment, by the contract."""

import hashlib

import pytest

from capenh_pipeline.demo.checkpoints import FLORENCE_FOLDER, MERGE_LLM_FOLDER
from capenh_pipeline.domain.llm_options import DEFAULT_LOCAL_LLM
from capenh_pipeline.domain.options import Options
from capenh_pipeline.errors import ModelError
from capenh_pipeline.models.choice import choose_llm, choose_vlm

URL = "http://127.0.0.1:1/v1"
OLD, NEW = "0" * 40, "1" * 40


def file_hash(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def nobody_knows(hub_id, revision):
    return None


def llm(environment=None, *, hub=nobody_knows, **options):
    return choose_llm(
        Options(**options),
        system_prompt=None,
        environment=environment or {},
        file_hash=file_hash,
        hub_commit=hub,
    )


def vlm(*, hub=nobody_knows, folder_prompts=(), **options):
    return choose_vlm(
        Options(**options),
        system_prompt=None,
        folder_prompts=folder_prompts,
        file_hash=file_hash,
        hub_commit=hub,
    )


def recipe(choice):
    return choice.prompts[0].recipe


class Hub:
    """Says that every model is at one commit, and notes what it was asked."""

    def __init__(self, commit):
        self.commit = commit
        self.asked = []

    def __call__(self, hub_id, revision):
        self.asked.append((hub_id, revision))
        return self.commit


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
    assert recipe(original).hash == recipe(native).hash
    assert "florence-community/Florence-2-large-ft" in original.warning
    assert native.warning is None


def test_a_local_checkpoint_is_known_by_its_content_and_the_hub_is_not_asked():
    hub = Hub(OLD)
    florence = vlm(hub=hub, model_id=str(FLORENCE_FOLDER), revision="v1")
    assert recipe(florence).values["checkpoint"] != str(FLORENCE_FOLDER)
    assert recipe(florence).values["revision"] is None
    llm(hub=hub, model=str(MERGE_LLM_FOLDER))
    assert hub.asked == []


def test_a_folder_whose_weights_change_is_another_recipe(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(b"0")
    before, same = (recipe(vlm(model_id=str(tmp_path))).hash for _ in range(2))
    weights.write_bytes(b"1")
    assert before == same != recipe(vlm(model_id=str(tmp_path))).hash


def test_a_new_commit_of_a_hub_model_is_another_recipe_and_is_what_is_loaded():
    hub = Hub(OLD)
    before, same = (vlm(hub=hub, model_id="org/vlm", revision="v1") for _ in range(2))
    after = vlm(hub=Hub(NEW), model_id="org/vlm", revision="v1")
    assert hub.asked[0] == ("org/vlm", "v1")
    assert recipe(before).hash == recipe(same).hash != recipe(after).hash
    assert (before.settings.model_id, before.settings.revision) == ("org/vlm", OLD)
    assert after.settings.revision == NEW


def test_a_commit_that_nobody_knows_leaves_the_revision_as_it_was_asked():
    choice = vlm(model_id="org/vlm", revision="v1")
    assert recipe(choice).values["revision"] == choice.settings.revision == "v1"


def test_the_native_twin_of_a_florence_is_loaded_at_its_own_commit():
    hub = Hub(OLD)
    choice = vlm(hub=hub, model_id="microsoft/Florence-2-base", revision="refs/pr/6")
    assert hub.asked == [("florence-community/Florence-2-base", None)]
    assert choice.settings.model_id == "florence-community/Florence-2-base"
    assert choice.settings.revision == OLD


def test_a_new_commit_of_an_llm_that_is_served_here_is_another_recipe_and_is_what_is_served():
    before, after = (llm(hub=Hub(commit), model="org/llm") for commit in (OLD, NEW))
    assert before.recipe.hash != after.recipe.hash
    assert before.settings.model == "org/llm"
    assert before.revision == OLD
    assert before.connect().effective_model == f"org/llm@{OLD}"


def test_the_hub_is_not_asked_about_the_model_of_a_server():
    hub = Hub(OLD)
    assert llm(hub=hub, base_url=URL, model="org/llm").recipe.values["model"] == "org/llm"
    assert hub.asked == []


def test_prompts_of_folders_are_asked_after_those_of_the_options_and_each_once():
    choice = vlm(prompt="see", folder_prompts=["look", "see"])
    assert choice.settings.prompts == ("see", "look")
    assert [asked.prompt.text for asked in choice.all_prompts] == ["see", "look"]
    assert choice.folder_prompts["see"].recipe == choice.prompts[0].recipe


def test_another_system_prompt_makes_another_recipe_of_the_same_llm():
    choice = llm(base_url=URL)
    assert choice.recipe_of(None) == choice.recipe
    assert choice.recipe_of("Be brief.").hash != choice.recipe.hash
    assert choice.recipe_of(choice.recipe.values["system_prompt"]).hash == choice.recipe.hash


def test_a_tokenizer_is_known_by_its_content(tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "tokenizer.json").write_text("{}")
    (tmp_path / "moved").mkdir()
    (tmp_path / "moved" / "tokenizer.json").write_text("{}")

    def recipe_with(folder):
        return llm(base_url=URL, fit="clip", fit_tokenizer=str(tmp_path / folder)).recipe.hash

    first = recipe_with("one")
    assert recipe_with("moved") == first != llm(base_url=URL, fit="clip").recipe.hash
    (tmp_path / "one" / "tokenizer.json").write_text("[]")
    assert recipe_with("one") != first


def test_a_tokenizer_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ModelError, match=r"--fit_tokenizer: .*nowhere is no folder"):
        llm(base_url=URL, fit="clip", fit_tokenizer=str(tmp_path / "nowhere"))
