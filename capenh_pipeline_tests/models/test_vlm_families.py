"""Every family of VLMs end to end; the end of a test run says which of them were run."""

from functools import cache
from importlib.util import find_spec
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from capenh_pipeline.errors import Stopped
from capenh_pipeline.models.base import VlmReply
from capenh_pipeline.models.checkpoints import locate_model
from capenh_pipeline.models.vlm import TransformersVlm, load_vlm
from capenh_pipeline.models.vlm_loading import open_checkpoint
from capenh_pipeline.models.vlm_prompting import choose_prompting
from capenh_pipeline.models.vlm_settings import VlmSettings
from capenh_pipeline.models.vlm_weights import Weights
from capenh_pipeline_tests.images import noise
from capenh_pipeline_tests.models.families import FAMILIES, Family

# PaliGemma's processor makes arrays of tensors in a way that numpy 2 frowns upon.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

SYSTEM = "Answer in {one} line."
LIMIT = 16


@pytest.fixture(params=FAMILIES, ids=lambda family: family.name)
def family(request, record_property) -> Family:
    record_property("vlm_family", request.param.name)
    if request.param.package and find_spec(request.param.package) is None:
        pytest.skip(f"needs {request.param.package}")
    return request.param


@pytest.fixture
def folder(family, folder_of) -> Path:
    return folder_of(family)


@pytest.fixture(scope="module")
def folder_of(tmp_path_factory):
    return cache(lambda family: family.write(tmp_path_factory.mktemp("family") / family.name))


@pytest.fixture(scope="module")
def images() -> list[Image.Image]:
    return noise()


@pytest.fixture
def vlm(load, family, folder) -> TransformersVlm:
    return load(folder, prompt=family.prompt, max_new_tokens=LIMIT)


def captions_of(vlm: TransformersVlm, images: list[Image.Image]) -> list[VlmReply]:
    return vlm.generate(vlm.prepare(images))


def tokens_picked(folder: Path, prompt: str, image: Image.Image) -> tuple[list[int], Any]:
    """Return what the model itself says about one image, token by token, and its tokenizer."""
    import torch

    source = locate_model(str(folder))
    checkpoint = open_checkpoint(source, revision=None, trust_remote_code=False)
    tokenizer = checkpoint.processor.tokenizer
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token  # no effect on one image
    asked = choose_prompting(
        checkpoint.processor, checkpoint.model_type, prompt=prompt, system_prompt=None
    )
    inputs = asked.inputs(checkpoint.processor, [image])
    inputs.pop("labels", None)
    model = checkpoint.load_model(Weights("cpu", torch.float32))
    said = model.generate(
        **inputs,
        do_sample=False,
        max_new_tokens=LIMIT,
        return_dict_in_generate=True,
        output_scores=True,
    )
    return [int(scores.argmax()) for scores in said.scores], tokenizer


def test_a_batch_of_images_of_many_sizes_gets_the_captions_that_each_gets_alone(vlm, images):
    replies = captions_of(vlm, images)
    assert replies == [captions_of(vlm, [image])[0] for image in images]
    assert len({reply.caption for reply in replies}) >= 5


def test_the_system_prompt_reaches_the_model_or_is_warned_about(
    vlm, family, folder, load, images, caplog
):
    settings = VlmSettings(
        str(folder),
        prompts=(family.prompt,),
        system_prompt=SYSTEM,
        max_new_tokens=LIMIT,
        device="cpu",
        dtype="float32",
    )
    told = load_vlm(settings)
    changed = captions_of(told, images) != captions_of(vlm, images)
    assert changed == family.takes_system_prompt
    warnings = [r.getMessage() for r in caplog.records if r.name.startswith("capenh_pipeline")]
    if family.takes_system_prompt:
        assert warnings == []
        assert SYSTEM in read_by(told, folder)
        assert "'type'" not in read_by(told, folder)  # a turn that was printed, not understood
    else:
        assert len(warnings) == 1
        assert "no system prompt" in warnings[0]


def read_by(vlm: TransformersVlm, folder: Path) -> str:
    from transformers import AutoTokenizer

    ids = vlm.prepare([Image.new("RGB", (64, 64), "red")])["input_ids"][0]
    return AutoTokenizer.from_pretrained(folder).decode(ids)


def test_neither_the_prompt_nor_a_special_token_is_in_a_caption(vlm, family, folder, images):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    markers = {token.content for token in tokenizer.added_tokens_decoder.values()}
    assert family.asked in read_by(vlm, folder)
    for reply in captions_of(vlm, images):
        assert family.asked not in reply.caption
        assert [marker for marker in markers if marker in reply.caption] == []


def test_a_caption_has_the_tokens_that_the_model_picked_and_says_how_it_ended(
    vlm, family, folder, images
):
    for image, reply in list(zip(images, captions_of(vlm, images), strict=True))[:2]:
        tokens, tokenizer = tokens_picked(folder, family.prompt, image)
        ended = tokens[-1] in {tokenizer.eos_token_id, tokenizer.sep_token_id}
        text = tokenizer.decode(tokens[:-1] if ended else tokens, skip_special_tokens=True)
        assert letters(reply.caption) == letters(text)
        assert reply.new_tokens == len(tokens)
        assert reply.finish_reason == ("stop" if ended else "length")


def letters(text: str) -> str:
    return "".join(letter for letter in text if letter.isalnum())


def test_a_caption_can_be_stopped(folder, family, images):
    vlm = load_vlm(VlmSettings(str(folder), device="cpu", prompts=(family.prompt,)))
    vlm._stop_if_told = lambda *ask, **more: (
        vlm.stop(),
        TransformersVlm._stop_if_told(vlm, *ask, **more),
    )[1]
    with pytest.raises(Stopped):
        captions_of(vlm, images[:2])


def test_the_tokens_of_an_image_are_known_beforehand_where_they_vary(vlm, images):
    told = [vlm.visual_tokens(*image.size) for image in images]
    lengths = [int(vlm.prepare([image])["attention_mask"].sum()) for image in images]
    for one, other in combinations(sorted(zip(told, lengths, strict=True)), 2):
        assert one[0] == other[0] or one[1] < other[1]
    if max(lengths) > 1.5 * min(lengths):
        assert len(set(told)) > 1
