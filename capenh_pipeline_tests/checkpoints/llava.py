"""LLaVA models: one that cuts images into tiles, and one in the shape of JoyCaption."""

from pathlib import Path

from capenh_pipeline_tests.checkpoints.parts import (
    SIDE_PX,
    byte_tokenizer,
    ends_at_times,
    language,
    save,
    tower,
)

LLAVA_TEMPLATE = """\
{% for message in messages %}<s>{{ message.role }}: {% for part in message.content %}\
{% if part.type == 'image' %}<image>{% else %}{{ part.text }}{% endif %}{% endfor %}
{% endfor %}{% if add_generation_prompt %}<s>assistant:{% endif %}"""

# Its turns are strings, into which it puts the image on its own.
JOYCAPTION_TEMPLATE = """\
{{ bos_token }}{% for message in messages %}<|start_header_id|>{{ message.role }}<|end_header_id|>

{% if message.role == 'user' %}<|reserved_special_token_70|><|reserved_special_token_69|>\
<|reserved_special_token_71|>{% endif %}{{ message.content | trim }}<|eot_id|>{% endfor %}\
{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>

{% endif %}"""


def write_llava(folder: Path, *, template: str | None = LLAVA_TEMPLATE) -> Path:
    """Write a chat model that cuts large images into tiles, so that prompts differ in length.

    It is a LLaVA-NeXT of CLIP and Llama, and ships with sampling switched on.
    """
    import torch
    from transformers import (
        LlavaNextConfig,
        LlavaNextForConditionalGeneration,
        LlavaNextImageProcessorPil,
        LlavaNextProcessor,
    )

    torch.manual_seed(1)
    tokenizer = byte_tokenizer({"image_token": "<image>"})
    tiles = [[SIDE_PX, 2 * SIDE_PX], [2 * SIDE_PX, SIDE_PX], [2 * SIDE_PX, 2 * SIDE_PX]]
    text = {**tower(), "model_type": "llama", "num_key_value_heads": 2}
    config = LlavaNextConfig(
        vision_config={**tower(), "model_type": "clip_vision_model", "projection_dim": 32},
        text_config=text | {"vocab_size": len(tokenizer), "bos_token_id": 0, "eos_token_id": 1},
        image_token_index=2,
        vision_feature_layer=-1,
        image_grid_pinpoints=tiles,
    )
    model = LlavaNextForConditionalGeneration(config)
    model.generation_config.update(do_sample=True, temperature=0.3, top_p=0.9)
    processor = LlavaNextProcessor(
        LlavaNextImageProcessorPil(
            size={"shortest_edge": SIDE_PX},
            crop_size={"height": SIDE_PX, "width": SIDE_PX},
            image_grid_pinpoints=tiles,
        ),
        tokenizer,
        patch_size=8,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=template,
    )
    return save(folder, model, processor)


def write_joycaption(folder: Path) -> Path:
    """Write a LLaVA of SigLIP and Llama 3 that reads all of the image from the last layer but one.

    Its image token is one of those that Llama 3 keeps in reserve.
    """
    import torch
    from transformers import (
        LlavaConfig,
        LlavaForConditionalGeneration,
        LlavaProcessor,
        SiglipImageProcessorPil,
    )

    torch.manual_seed(12)
    image_token = "<|reserved_special_token_69|>"  # noqa: S105  # a token of text, no secret
    special = {
        "header_token": "<|start_header_id|>",
        "header_end_token": "<|end_header_id|>",
        "before_image_token": "<|reserved_special_token_70|>",
        "after_image_token": "<|reserved_special_token_71|>",
        "image_token": image_token,
    }
    tokenizer = byte_tokenizer(special, start="<|begin_of_text|>", end="<|eot_id|>")
    config = LlavaConfig(
        vision_config=tower() | {"model_type": "siglip_vision_model", "vision_use_head": False},
        text_config=language(tokenizer, "llama"),
        image_token_index=tokenizer.image_token_id,
        image_seq_length=(SIDE_PX // 8) ** 2,
        vision_feature_layer=-2,
        vision_feature_select_strategy="full",
    )
    model = LlavaForConditionalGeneration(config)
    ends_at_times(model, tokenizer.eos_token_id)
    processor = LlavaProcessor(
        SiglipImageProcessorPil(size={"height": SIDE_PX, "width": SIDE_PX}),
        tokenizer,
        patch_size=8,
        vision_feature_select_strategy="full",
        image_token=image_token,
        chat_template=JOYCAPTION_TEMPLATE,
    )
    return save(folder, model, processor)
