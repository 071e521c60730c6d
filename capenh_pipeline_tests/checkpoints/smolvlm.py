"""SmolVLM, which cuts images into tiles; it reads videos too."""

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
<|im_start|>{% for message in messages %}{{ message.role | capitalize }}\
{% if message.content[0].type == 'image' %}:{% else %}: {% endif %}\
{% for part in message.content %}{% if part.type == 'image' %}<image>{% else %}{{ part.text }}\
{% endif %}{% endfor %}<end_of_utterance>
{% endfor %}{% if add_generation_prompt %}Assistant:{% endif %}"""

_TILES_A_SIDE = 4


def write_smolvlm(folder: Path) -> Path:
    """Write a SmolVLM of SigLIP and Llama."""
    import torch
    from transformers import (
        SmolVLMConfig,
        SmolVLMForConditionalGeneration,
        SmolVLMImageProcessorPil,
    )

    torch.manual_seed(3)
    places = range(1, _TILES_A_SIDE + 1)
    special = {
        "fake_image_token": "<fake_token_around_image>",
        "image_token": "<image>",
        "global_image_token": "<global-img>",
        **{f"tile_{row}_{col}": f"<row_{row}_col_{col}>" for row in places for col in places},
    }
    tokenizer = byte_tokenizer(special, start="<|im_start|>", end="<end_of_utterance>")
    tokens_of_tile = (SIDE_PX // 8 // 2) ** 2
    config = SmolVLMConfig(
        vision_config=tower(),
        text_config=language(tokenizer, "llama"),
        image_token_id=tokenizer.image_token_id,
        pad_token_id=tokenizer.eos_token_id,
        scale_factor=2,
    )
    model = SmolVLMForConditionalGeneration(config)
    ends_at_times(model, tokenizer.eos_token_id)
    return save_as_on_the_hub(
        folder,
        model,
        tokenizer,
        SmolVLMImageProcessorPil(
            size={"longest_edge": _TILES_A_SIDE * SIDE_PX},
            max_image_size={"longest_edge": SIDE_PX},
        ),
        template=TEMPLATE,
        options={"processor_class": "SmolVLMProcessor", "image_seq_len": tokens_of_tile},
    )
