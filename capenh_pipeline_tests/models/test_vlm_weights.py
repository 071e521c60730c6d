"""Weights in fewer bits, compiled, and with another attention."""

import importlib.util

import pytest

from capenh_pipeline.demo.checkpoints import FLORENCE_FOLDER
from capenh_pipeline.demo.scenes import MORE_DETAILED, true_captions
from capenh_pipeline.errors import ConfigurationError, ModelError
from capenh_pipeline.models.vlm import load_vlm
from capenh_pipeline.models.vlm_settings import VlmSettings

HAS_BITSANDBYTES = importlib.util.find_spec("bitsandbytes") is not None


def load_with(**settings):
    return load_vlm(VlmSettings(str(FLORENCE_FOLDER), device="cpu", **settings))


def weight_bytes(vlm):
    return sum(weight.numel() * weight.element_size() for weight in vlm._model.parameters())


def right_captions(vlm, scenes, drawings):
    replies = vlm.generate(vlm.prepare(drawings))
    said = zip(replies, scenes, strict=True)
    return sum(reply.caption == true_captions(scene)[MORE_DETAILED] for reply, scene in said)


@pytest.mark.skipif(HAS_BITSANDBYTES, reason="bitsandbytes is installed")
@pytest.mark.parametrize("bits", ["8bit", "4bit"])
def test_fewer_bits_without_their_package_name_it(bits):
    with pytest.raises(ConfigurationError, match=r"pip install 'capenh_pipeline\[quantization\]'"):
        load_with(quantization=bits)


@pytest.mark.skipif(not HAS_BITSANDBYTES, reason="needs bitsandbytes")
@pytest.mark.filterwarnings("ignore")  # bitsandbytes has its own to say about a CPU
def test_weights_of_8_bits_are_smaller_and_say_nearly_the_same(scenes, drawings):
    whole, small = load_with(), load_with(quantization="8bit")
    assert weight_bytes(small) < 0.7 * weight_bytes(whole)
    assert right_captions(small, scenes, drawings) >= 0.8 * len(scenes)


def test_every_attention_of_transformers_says_the_same(scenes, drawings):
    eager = load_with(attn_implementation="eager")
    assert eager.effective_options()["attn_implementation"] == "eager"
    assert right_captions(eager, scenes, drawings) >= len(scenes) - 1


def test_an_attention_that_there_is_not_is_named():
    with pytest.raises(ModelError, match="magic"):
        load_with(attn_implementation="magic")


@pytest.mark.soak
@pytest.mark.filterwarnings("ignore")  # what torch says about its own parts
def test_a_compiled_model_says_the_same(scenes, drawings):
    compiled = load_with(compile=True)
    assert right_captions(compiled, scenes, drawings) >= len(scenes) - 1
    assert right_captions(compiled, scenes[:5], drawings[:5]) >= 4
