"""InternVL, which cuts images into tiles; it reads videos too."""

from pathlib import Path

from capenh_pipeline_tests.checkpoints.parts import (
    SIDE_PX,
    byte_tokenizer,
    ends_at_times,
    language,
    save_as_on_the_hub,
    tower,
)

TEMPLATE = """\
{% for message in messages %}<|im_start|>{{ message.role }}
{% if message.content is string %}{{ message.content }}{% else %}\
{% for part in message.content %}{% if part.type == 'image' %}<IMG_CONTEXT>
{% else %}{{ part.text }}{% endif %}{% endfor %}{% endif %}<|im_end|>
{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""

_SPECIAL = {
    "turn_token": "<|im_start|>",
    "start_image_token": "<img>",
    "end_image_token": "</img>",
    "context_image_token": "<IMG_CONTEXT>",
    "video_token": "<video>",
}


def write_internvl(folder: Path) -> Path:
    """Write an InternVL of its own vision tower and Qwen 2."""
    import torch
    from transformers import (
        GotOcr2ImageProcessorPil,
        InternVLConfig,
        InternVLForConditionalGeneration,
    )

    torch.manual_seed(9)
    tokenizer = byte_tokenizer(_SPECIAL, start="<|endoftext|>", end="<|im_end|>")
    tokens_of_tile = (SIDE_PX // 8 // 2) ** 2
    config = InternVLConfig(
        vision_config=tower() | {"image_size": [SIDE_PX, SIDE_PX], "patch_size": [8, 8]},
        text_config=language(tokenizer, "qwen2"),
        image_token_id=tokenizer.context_image_token_id,
        image_seq_length=tokens_of_tile,
    )
    model = InternVLForConditionalGeneration(config)
    ends_at_times(model, tokenizer.eos_token_id)
    return save_as_on_the_hub(
        folder,
        model,
        tokenizer,
        GotOcr2ImageProcessorPil(
            size={"height": SIDE_PX, "width": SIDE_PX}, crop_to_patches=True, max_patches=6
        ),
        template=TEMPLATE,
        options={"processor_class": "InternVLProcessor", "image_seq_length": tokens_of_tile},
    )
