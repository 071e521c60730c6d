"""What is in a recipe can change a caption; what cannot is not in it."""

from dataclasses import replace

import pytest

from capenh_pipeline.domain.options import Options
from capenh_pipeline.domain.recipes import llm_recipe, request_hash, vlm_recipe

OPTIONS = Options()


def vlm(options=OPTIONS, checkpoint="model", revision=None, system_prompt=None):
    return vlm_recipe(
        options,
        prompt=options.prompt,
        checkpoint=checkpoint,
        revision=revision,
        system_prompt=system_prompt,
    ).hash


def llm(options=OPTIONS, model="model", system_prompt="merge"):
    return llm_recipe(options, model=model, system_prompt=system_prompt).hash


@pytest.mark.parametrize(
    "change",
    [
        {"prompt": "<CAPTION>"},
        {"max_new_tokens": 9},
        {"on_length": "retry"},
        {"num_beams": 3},
        {"no_repeat_ngram_size": 3},
        {"min_pixels": 9},
        {"max_pixels": 9},
        {"background": "black"},
        {"dtype": "bfloat16"},
        {"attn_implementation": "eager"},
        {"quantization": "4bit"},
        {"compile": True},
        {"trust_remote_code": True},
    ],
)
def test_an_option_of_the_vlm_changes_its_recipe_and_not_the_llms(change):
    assert vlm(replace(OPTIONS, **change)) != vlm()
    assert llm(replace(OPTIONS, **change)) == llm()


@pytest.mark.parametrize(
    "change",
    [
        {"llm_max_tokens": 9},
        {"llm_temperature": 0.7},
        {"on_rejected": "fail"},
        {"min_retention": 0.5},
        {"min_support": 0.5},
        {"skip_gates": "markdown"},
        {"caption_language": "de"},
        {"max_words": 9},
        {"fit": "clip"},
    ],
)
def test_an_option_of_the_llm_changes_its_recipe_and_not_the_vlms(change):
    assert llm(replace(OPTIONS, **change)) != llm()
    assert vlm(replace(OPTIONS, **change)) == vlm()


@pytest.mark.parametrize(
    "change",
    [
        {"batch_size": 9},
        {"num_workers": 9},
        {"image_timeout_s": 9},
        {"device": "cpu"},
        {"concurrency": 9},
        {"base_url": "http://elsewhere/v1"},
        {"trigger_word": "sks"},
        {"locked_terms": "terms.txt"},
        {"llm_attempts": 9},
        {"llm_patience_s": 9},
        {"requests_per_minute": 9},
        {"tokens_per_minute": 9},
        {"price_in": 9},
        {"max_tokens_total": 9},
        {"write_policy": "overwrite"},
        {"limit": 9},
        {"model_id": "the checkpoint counts, not its name"},
    ],
)
def test_what_cannot_change_a_caption_is_in_no_recipe(change):
    changed = replace(OPTIONS, **change)
    assert (vlm(changed), llm(changed)) == (vlm(), llm())


def test_checkpoints_and_system_prompts_are_in_the_recipes():
    different = {"checkpoint": "other"}, {"revision": "v2"}, {"system_prompt": "be brief"}
    assert len({vlm(), *(vlm(**change) for change in different)}) == 4
    assert len({llm(), llm(model="other"), llm(model=None), llm(system_prompt="join")}) == 4


def test_a_recipe_is_the_same_on_every_machine():
    assert vlm() == "b2b1d0d3f52515519e032832d8797d83e435807b99ad39dba34b80dd08001c75"


def test_recipes_of_earlier_versions_stay_what_they_were():
    assert llm() == "39a9b75d93ecd89b51df7ea7ea3d5ba5b379249e974354a1edc89f5280c107e4"


def test_the_order_of_skipped_gates_does_not_matter():
    one = llm(replace(OPTIONS, skip_gates="support, markdown"))
    assert llm(replace(OPTIONS, skip_gates="markdown,support,")) == one
    assert llm(replace(OPTIONS, skip_gates="")) == llm()


def test_a_request_is_its_recipe_and_both_texts():
    hashes = {
        request_hash(recipe, manual, [(None, seen)])
        for recipe, manual, seen in [
            ("r", "a", "b"),
            ("s", "a", "b"),
            ("r", "b", "a"),
            ("r", None, "b"),
            ("r", "", "b"),
            ("r", "a\nb", ""),
        ]
    }
    assert len(hashes) == 6


def test_a_request_with_several_captions_is_their_names_and_texts_in_their_order():
    several = [
        [("short", "a"), ("long", "b")],
        [("long", "b"), ("short", "a")],
        [("brief", "a"), ("long", "b")],
        [("short", "b"), ("long", "a")],
        [("short", "a"), ("long", "b"), ("tags", "c")],
        [(None, '[["short","a"],["long","b"]]')],
        [(None, '{"short":"a","long":"b"}')],
    ]
    assert len({request_hash("r", None, captions) for captions in several}) == len(several)


def test_a_request_with_one_caption_is_what_it_was_before_there_could_be_several():
    assert request_hash("r", "a", [(None, "b")]) == (
        "34cedb87f4f592ca083406ca75bd4ae782978332bac1cded552a26a453b1e66c"
    )
