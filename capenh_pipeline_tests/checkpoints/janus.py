"""Janus, which can also draw images."""

from pathlib import Path

from capenh_pipeline_tests.checkpoints.parts import (
    SIDE_PX,
    byte_tokenizer,
    ends_at_times,
    language,
    save,
    tower,
)

TEMPLATE = """\
{% for message in messages %}{% if message.role == 'system' %}{{ message.content[0].text }}

{% else %}<|{{ message.role | capitalize }}|>: {% for part in message.content %}\
{% if part.type == 'image' %}<image_placeholder>
{% else %}{{ part.text }}{% endif %}{% endfor %}

{% endif %}{% endfor %}{% if add_generation_prompt %}<|Assistant|>:{% endif %}"""


def write_janus(folder: Path) -> Path:
    """Write a Janus of SigLIP, Llama and the part that would draw."""
    import torch
    from transformers import (
        JanusConfig,
        JanusForConditionalGeneration,
        JanusImageProcessorPil,
        JanusProcessor,
    )

    torch.manual_seed(18)
    special = {
        "image_token": "<image_placeholder>",
        "boi_token": "<begin_of_image>",
        "eoi_token": "<end_of_image>",
    }
    tokenizer = byte_tokenizer(special, start="<|begin_of_sentence|>", end="<|end_of_sentence|>")
    patches = (SIDE_PX // 8) ** 2
    config = JanusConfig(
        vision_config=tower() | {"projection_dim": 32, "num_image_tokens": patches},
        text_config=language(tokenizer, "llama"),
        vq_config=_drawing(),
        image_token_id=tokenizer.image_token_id,
    )
    model = JanusForConditionalGeneration(config)
    ends_at_times(model, tokenizer.eos_token_id)
    processor = JanusProcessor(
        JanusImageProcessorPil(size={"height": SIDE_PX, "width": SIDE_PX}),
        tokenizer,
        chat_template=TEMPLATE,
        num_image_tokens=patches,
    )
    return save(folder, model, processor)


def _drawing() -> dict[str, object]:
    return {
        "num_embeddings": 16,
        "latent_channels": 32,
        "base_channels": 32,
        "channel_multiplier": [1, 1],
        "num_res_blocks": 1,
        "num_patches": 4,
        "projection_dim": 32,
        "image_token_embed_dim": 32,
    }
