import logging

import pytest
from PIL import Image

from capenh_pipeline.demo.checkpoints import FLORENCE_FOLDER
from capenh_pipeline.errors import ConfigurationError
from capenh_pipeline.models.vlm import load_vlm
from capenh_pipeline.models.vlm_prompting import RawPrompt, choose_prompting
from capenh_pipeline.models.vlm_settings import VlmSettings

SYSTEM = "Answer in {one} line."
WITHOUT_SYSTEM_ROLE = """\
{% for message in messages %}{% if message.role == 'system' %}{{ raise_exception('no system') }}\
{% endif %}{% for part in message.content %}{% if part.type == 'image' %}<image>{% else %}\
{{ part.text }}{% endif %}{% endfor %}{% endfor %}"""
DROPS_SYSTEM_ROLE = (
    WITHOUT_SYSTEM_ROLE.replace("{{ raise_exception('no system') }}", "")
    .replace("{% endif %}{% for part", "{% else %}{% for part", 1)
    .replace("{% endfor %}{% endfor %}", "{% endfor %}{% endif %}{% endfor %}")
)
SYSTEM_AS_A_STRING = """\
{% for message in messages %}{% if message.role == 'system' %}[{{ message.content }}]\
{% else %}{% for part in message.content %}{% if part.type == 'image' %}<image>{% else %}\
{{ part.text }}{% endif %}{% endfor %}{% endif %}{% endfor %}"""
STRINGS_ONLY = "{% for message in messages %}{{ message.role }}: {{ message.content }}{% endfor %}"
PUTS_IMAGE_IN = STRINGS_ONLY.replace(
    "{{ message.content }}",
    "{% if message.role == 'user' %}<image>{% endif %}{{ message.content | trim }}",
)


@pytest.fixture(scope="module")
def processor(llava):
    from transformers import AutoProcessor

    processor = AutoProcessor.from_pretrained(llava)
    processor.tokenizer.chat_template = None
    processor.tokenizer.pad_token = processor.tokenizer.eos_token
    return processor


def read_by_model(processor, template: str, *, system_prompt: str | None) -> str:
    """Return the text of the prompt that a chat model with this template is given."""
    processor.chat_template = template
    prompting = choose_prompting(
        processor, "llava_next", prompt="What is this?", system_prompt=system_prompt
    )
    inputs = prompting.inputs(processor, [Image.new("RGB", (40, 40), "red")])
    return processor.tokenizer.decode(inputs["input_ids"][0]).replace("<image>", "")


def test_a_chat_model_reads_the_system_prompt_in_a_turn_of_its_own(load, llava, processor):
    vlm = load(llava, prompt="What is this?", system_prompt=SYSTEM, max_new_tokens=4)
    ids = vlm.prepare([Image.new("RGB", (40, 40), "red")])["input_ids"][0]
    text = processor.tokenizer.decode(ids).replace("<image>", "")
    assert text == f"<s>system: {SYSTEM}<s>user: What is this?<s>assistant:"


@pytest.mark.parametrize("template", [WITHOUT_SYSTEM_ROLE, DROPS_SYSTEM_ROLE])
def test_the_system_prompt_joins_the_prompt_where_there_is_no_such_turn(processor, template):
    text = read_by_model(processor, template, system_prompt=SYSTEM)
    assert text == f"{SYSTEM}\n\nWhat is this?"


def test_the_system_prompt_is_a_string_where_the_template_wants_one(processor):
    text = read_by_model(processor, SYSTEM_AS_A_STRING, system_prompt=SYSTEM)
    assert text == f"[{SYSTEM}]What is this?"


@pytest.mark.parametrize(
    ("template", "text"),
    [
        (PUTS_IMAGE_IN, "system: {}user: <image>What is this?"),
        (STRINGS_ONLY, "system: {}user: <image>\nWhat is this?"),
        ({"other": "?", "default": PUTS_IMAGE_IN}, "system: {}user: <image>What is this?"),
    ],
)
def test_a_template_of_plain_strings_gets_the_image_into_the_user_turn_once(
    processor, template, text
):
    processor.chat_template = template
    asked = choose_prompting(processor, "llava", prompt="What is this?", system_prompt=SYSTEM)
    assert asked == RawPrompt(text.replace("{}", SYSTEM))


def test_a_template_that_knows_no_image_is_not_used_by_a_model_without_a_token_for_it(blip):
    from transformers import AutoProcessor

    processor = AutoProcessor.from_pretrained(blip)
    processor.chat_template = STRINGS_ONLY
    asked = choose_prompting(processor, "blip", prompt="a photo of", system_prompt=None)
    assert asked == RawPrompt("a photo of")


def test_a_prompt_that_looks_like_code_is_asked_in_a_chat(processor):
    processor.chat_template = PUTS_IMAGE_IN
    prompt = "Reply as {'type': 'text'}."
    asked = choose_prompting(processor, "llava", prompt=prompt, system_prompt=None)
    assert asked == RawPrompt(f"user: <image>{prompt}")


def test_a_start_token_in_the_template_is_not_doubled_by_the_tokenizer(joycaption):
    from transformers import AutoProcessor

    processor = AutoProcessor.from_pretrained(joycaption)
    tokenizer = processor.tokenizer
    tokenizer.pad_token = tokenizer.eos_token
    asked = choose_prompting(processor, "llava", prompt="What is this?", system_prompt=None)
    tokenizer.add_bos_token = True  # as Llama 3 does
    ids = asked.inputs(processor, [Image.new("RGB", (40, 40))])["input_ids"][0]
    assert (ids == tokenizer.bos_token_id).sum() == 1


@pytest.mark.parametrize(
    ("model_type", "prompt", "text"),
    [
        ("blip", "a photo of", "a photo of"),
        ("paligemma", "caption en", "<image>caption en"),
        ("paligemma", "<image>caption en", "<image>caption en"),
        ("llava", "What {is} this?", "USER: <image>\nWhat {is} this? ASSISTANT:"),
    ],
)
def test_a_model_without_a_template_reads_the_format_it_was_trained_on(
    processor, model_type, prompt, text
):
    processor.chat_template = None
    raw = choose_prompting(processor, model_type, prompt=prompt, system_prompt=None)
    assert raw == RawPrompt(text)


@pytest.mark.parametrize(
    "prompt",
    ["Describe the image.", "<CAPTION> in French", "<caption>", "<OD>", ""],
)
def test_florence_refuses_a_prompt_that_is_none_of_its_tasks_and_names_them(prompt):
    with pytest.raises(ConfigurationError, match=r"tasks only: .*<DETAILED_CAPTION>") as caught:
        load_vlm(VlmSettings(str(FLORENCE_FOLDER), device="cpu", prompts=(prompt,)))
    assert "<OD>" not in str(caught.value).partition("only:")[2]


def test_a_task_that_a_fine_tuned_florence_may_know_is_asked_with_a_warning(caplog):
    load_vlm(VlmSettings(str(FLORENCE_FOLDER), device="cpu", prompts=("<GENERATE_TAGS>",)))
    assert "<GENERATE_TAGS> is no task of Florence-2 itself" in caplog.text


@pytest.mark.parametrize("family", ["florence", "blip"])
def test_a_system_prompt_that_a_model_cannot_read_is_warned_about_once(load, blip, family, caplog):
    folder, prompt = (FLORENCE_FOLDER, "<CAPTION>") if family == "florence" else (blip, "a photo")
    load_vlm(VlmSettings(str(folder), device="cpu", prompts=(prompt,), system_prompt=SYSTEM))
    warnings = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert "no system prompt" in warnings[0]


def test_a_florence_task_for_another_model_is_warned_about(processor, caplog):
    processor.chat_template = None
    choose_prompting(processor, "blip", prompt="<MORE_DETAILED_CAPTION>", system_prompt=None)
    assert "give it a --prompt" in caplog.text
