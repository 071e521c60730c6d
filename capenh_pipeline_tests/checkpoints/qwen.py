"""Qwen's models, which read an image at its own size; they read videos too."""

from pathlib import Path
from typing import Any

from capenh_pipeline_tests.checkpoints.parts import (
    byte_tokenizer,
    ends_at_times,
    language,
    save_as_on_the_hub,
    tower,
)

TEMPLATE = """\
{% if messages[0].role != 'system' %}<|im_start|>system
You are a helpful assistant.<|im_end|>
{% endif %}{% for message in messages %}<|im_start|>{{ message.role }}
{% if message.content is string %}{{ message.content }}{% else %}\
{% for part in message.content %}{% if part.type == 'image' %}\
<|vision_start|><|image_pad|><|vision_end|>{% else %}{{ part.text }}{% endif %}{% endfor %}\
{% endif %}<|im_end|>
{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""

_SPECIAL = {
    "turn_token": "<|im_start|>",
    "vision_start_token": "<|vision_start|>",
    "vision_end_token": "<|vision_end|>",
    "image_token": "<|image_pad|>",
    "video_token": "<|video_pad|>",
}
_PATCH_PX = 8
_ROTARY = {"rope_type": "default", "mrope_section": [2, 3, 3], "rope_theta": 10_000.0}


def write_qwen2_5_vl(folder: Path) -> Path:
    """Write a Qwen2.5-VL, whose vision attends in windows."""
    import torch
    from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

    torch.manual_seed(21)
    tokenizer = _tokenizer()
    config = Qwen2_5_VLConfig(
        vision_config=_vision() | {"window_size": 4 * _PATCH_PX, "fullatt_block_indexes": [1]},
        text_config=language(tokenizer, "qwen2_5_vl_text") | {"rope_parameters": _ROTARY},
        **_ids(tokenizer),
    )
    return _save(folder, Qwen2_5_VLForConditionalGeneration(config), tokenizer, "Qwen2_5_VL")


def write_qwen3_vl(folder: Path) -> Path:
    """Write a Qwen3-VL, which hands layers of its vision to layers of its language model."""
    import torch
    from transformers import Qwen3VLConfig, Qwen3VLForConditionalGeneration

    torch.manual_seed(11)
    tokenizer = _tokenizer()
    config = Qwen3VLConfig(
        vision_config=_vision() | {"num_position_embeddings": 16, "deepstack_visual_indexes": [0]},
        text_config=language(tokenizer, "qwen3_vl_text") | {"rope_parameters": _ROTARY},
        **_ids(tokenizer),
    )
    return _save(folder, Qwen3VLForConditionalGeneration(config), tokenizer, "Qwen3VL")


def _tokenizer() -> Any:
    return byte_tokenizer(_SPECIAL, start="<|endoftext|>", end="<|im_end|>")


def _vision() -> dict[str, Any]:
    return {
        "depth": 2,
        "num_heads": 2,
        "hidden_size": 32,
        "out_hidden_size": 32,
        "intermediate_size": 64,
        "patch_size": _PATCH_PX,
        "initializer_range": tower()["initializer_range"],
    }


def _ids(tokenizer: Any) -> dict[str, int]:
    return {
        f"{role}_id": tokenizer.convert_tokens_to_ids(token)
        for role, token in _SPECIAL.items()
        if role != "turn_token"
    }


def _save(folder: Path, model: Any, tokenizer: Any, family: str) -> Path:
    from transformers import Qwen2VLImageProcessorPil

    ends_at_times(model, tokenizer.eos_token_id)
    smallest, largest = (4 * _PATCH_PX) ** 2, (12 * _PATCH_PX) ** 2
    image_processor = Qwen2VLImageProcessorPil(
        patch_size=_PATCH_PX, size={"shortest_edge": smallest, "longest_edge": largest}
    )
    options = {"processor_class": f"{family}Processor"}
    return save_as_on_the_hub(
        folder, model, tokenizer, image_processor, template=TEMPLATE, options=options
    )
