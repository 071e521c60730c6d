"""Writes tiny checkpoints: random weights with real processors, and odd copies of the demo's."""

from capenh_pipeline_tests.checkpoints.blip import write_blip, write_blip2
from capenh_pipeline_tests.checkpoints.florence import copy_florence, write_original_florence
from capenh_pipeline_tests.checkpoints.gemma import write_gemma3, write_paligemma
from capenh_pipeline_tests.checkpoints.internvl import write_internvl
from capenh_pipeline_tests.checkpoints.janus import write_janus
from capenh_pipeline_tests.checkpoints.llava import LLAVA_TEMPLATE, write_joycaption, write_llava
from capenh_pipeline_tests.checkpoints.parts import rewrite_weights, write_json
from capenh_pipeline_tests.checkpoints.qwen import write_qwen2_5_vl, write_qwen3_vl
from capenh_pipeline_tests.checkpoints.smolvlm import write_smolvlm

__all__ = [
    "LLAVA_TEMPLATE",
    "copy_florence",
    "rewrite_weights",
    "write_blip",
    "write_blip2",
    "write_gemma3",
    "write_internvl",
    "write_janus",
    "write_joycaption",
    "write_json",
    "write_llava",
    "write_original_florence",
    "write_paligemma",
    "write_qwen2_5_vl",
    "write_qwen3_vl",
    "write_smolvlm",
]
