"""One prompt or several in one option, and what each is called."""

import pytest

from capenh_pipeline.domain.vlm_prompts import (
    VlmPrompt,
    joined_prompts,
    prompts_for_llm,
    vlm_prompts,
)
from capenh_pipeline.errors import ConfigurationError

SHORT, LONG = VlmPrompt("short", "<CAPTION>"), VlmPrompt("long", "<DETAILED_CAPTION>")


def asked(option):
    return [(prompt.name, prompt.text) for prompt in vlm_prompts(option)]


@pytest.mark.parametrize(
    "option",
    [
        "<CAPTION>",
        "Describe this.\nBriefly.",
        "",
        "[INST] Describe this. [/INST]",
        "[1, 2]",
        '{"short": "x"}',
        "List the objects = nouns.",
        "1st=first",
        f"{'n' * 33}=too long for a name",
        "no/slash=x",
        "name=",
    ],
)
def test_a_text_that_is_no_list_and_has_no_name_is_one_prompt_as_it_stands(option):
    assert asked(option) == [(None, option)]


def test_one_prompt_may_have_a_name_and_an_equals_sign_in_its_text():
    assert asked("short=Say a = b.\nIn brief.") == [("short", "Say a = b.\nIn brief.")]


def test_a_json_list_of_one_is_one_prompt_without_a_name():
    assert asked('["<CAPTION>"]') == [(None, "<CAPTION>")]


def test_several_prompts_keep_their_order_and_their_names():
    assert asked(' ["long=<DETAILED_CAPTION>", "short=Name it."]') == [
        ("long", "<DETAILED_CAPTION>"),
        ("short", "Name it."),
    ]


def test_several_prompts_without_names_are_called_by_their_task_or_their_place():
    assert asked('["<MORE_DETAILED_CAPTION>", "What is it?", "tags=Tags."]') == [
        ("more_detailed_caption", "<MORE_DETAILED_CAPTION>"),
        ("prompt_2", "What is it?"),
        ("tags", "Tags."),
    ]


@pytest.mark.parametrize(
    ("option", "name"),
    [
        ('["a=x", "a=y"]', "a"),
        ('["a=x", "A=y"]', "a"),
        ('["<CAPTION>", "<CAPTION>"]', "caption"),
        ('["<CAPTION>", "Caption=x"]', "caption"),
        ('["prompt_2=x", "y"]', "prompt_2"),
    ],
)
def test_a_name_that_stands_twice_is_refused_and_said(option, name):
    with pytest.raises(ConfigurationError, match=f"--prompt has 2 prompts of the name '{name}'"):
        vlm_prompts(option)


def test_a_prompt_that_stands_twice_is_refused_and_said():
    with pytest.raises(ConfigurationError, match="--prompt has '<CAPTION>' twice"):
        vlm_prompts('["a=<CAPTION>", "b=<CAPTION>"]')


def test_an_empty_list_is_refused():
    with pytest.raises(ConfigurationError, match="at least one prompt"):
        vlm_prompts("[]")


@pytest.mark.parametrize(
    ("given", "prompts"),
    [
        (["<CAPTION>"], [(None, "<CAPTION>")]),
        (["short=<CAPTION>"], [("short", "<CAPTION>")]),
        (["short=x", "y"], [("short", "x"), ("prompt_2", "y")]),
        (['["a=x", "b=y"]', "c=z"], [("a", "x"), ("b", "y"), ("c", "z")]),
        (["é=1 \u2028", 'say "[x]"'], [("prompt_1", "é=1 \u2028"), ("prompt_2", 'say "[x]"')]),
    ],
)
def test_what_was_given_several_times_is_one_option_of_the_same_prompts(given, prompts):
    assert asked(joined_prompts(given)) == prompts


@pytest.mark.parametrize(
    ("chosen", "told"),
    [
        (None, (SHORT, LONG)),
        ("long", (LONG,)),
        ("long, short", (SHORT, LONG)),
        ("short,short", (SHORT,)),
    ],
)
def test_the_llm_reads_the_captions_that_are_chosen_in_the_order_of_the_prompts(chosen, told):
    assert prompts_for_llm((SHORT, LONG), chosen) == told


@pytest.mark.parametrize(
    ("prompts", "known"),
    [((SHORT, LONG), "short, long"), ((VlmPrompt(None, "x"),), "they have no names")],
)
def test_a_caption_that_no_prompt_is_called_is_refused_with_those_there_are(prompts, known):
    with pytest.raises(ConfigurationError, match=f"--llm_captions names 'tags'.*{known}"):
        prompts_for_llm(prompts, "tags")
