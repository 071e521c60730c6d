"""Models of Gemma: PaliGemma, which has no chat template, and Gemma 3, which has."""

from pathlib import Path

from capenh_pipeline_tests.checkpoints.parts import (
    SIDE_PX,
    byte_tokenizer,
    ends_at_times,
    language,
    never_says,
    save,
    tower,
)

# It has no system turn: what would stand there comes before the text of the user.
GEMMA_TEMPLATE = """\
{{ bos_token }}{% if messages[0].role == 'system' %}\
{% if messages[0].content is string %}{% set first = messages[0].content + '\n\n' %}\
{% else %}{% set first = messages[0].content[0].text + '\n\n' %}{% endif %}\
{% set turns = messages[1:] %}{% else %}{% set first = '' %}{% set turns = messages %}{% endif %}\
{% for message in turns %}<start_of_turn>\
{{ 'model' if message.role == 'assistant' else message.role }}
{{ first if loop.first }}{% if message.content is string %}{{ message.content | trim }}\
{% else %}{% for part in message.content %}{% if part.type == 'image' %}<start_of_image>\
{% else %}{{ part.text | trim }}{% endif %}{% endfor %}{% endif %}<end_of_turn>
{% endfor %}{% if add_generation_prompt %}<start_of_turn>model
{% endif %}"""

_PATCHES = (SIDE_PX // 8) ** 2


def write_paligemma(folder: Path) -> Path:
    """Write a PaliGemma, whose tokenizer has words for places that are no part of a caption."""
    import torch
    from transformers import (
        PaliGemmaConfig,
        PaliGemmaForConditionalGeneration,
        PaliGemmaProcessor,
        SiglipImageProcessorPil,
    )

    torch.manual_seed(9)
    tokenizer = byte_tokenizer({"image_token": "<image>"}, start="<bos>", end="<eos>")
    tokenizer.add_special_tokens({"pad_token": "<pad>"})
    image_processor = SiglipImageProcessorPil(size={"height": SIDE_PX, "width": SIDE_PX})
    image_processor.image_seq_length = _PATCHES
    processor = PaliGemmaProcessor(image_processor, tokenizer)
    text = language(tokenizer, "gemma") | {"num_image_tokens": _PATCHES}
    config = PaliGemmaConfig(
        vision_config=tower() | {"model_type": "siglip_vision_model", "vision_use_head": False},
        text_config=text,
        image_token_index=processor.image_token_id,
        projection_dim=32,
        hidden_size=32,
    )
    model = PaliGemmaForConditionalGeneration(config)
    ends_at_times(model, tokenizer.eos_token_id)
    never_says(model, range(tokenizer.convert_tokens_to_ids("<loc0008>"), len(tokenizer)))
    return save(folder, model, processor)


def write_gemma3(folder: Path) -> Path:
    """Write a Gemma 3, whose image tokens see one another and whose attention has windows."""
    import torch
    from transformers import (
        Gemma3Config,
        Gemma3ForConditionalGeneration,
        Gemma3ImageProcessorPil,
        Gemma3Processor,
    )

    torch.manual_seed(20)
    special = {
        "turn_token": "<start_of_turn>",
        "boi_token": "<start_of_image>",
        "eoi_token": "<end_of_image>",
        "image_token": "<image_soft_token>",
    }
    tokenizer = byte_tokenizer(special, start="<bos>", end="<end_of_turn>")
    tokens, side_px = _PATCHES, 2 * SIDE_PX  # four patches become a token
    text = language(tokenizer, "gemma3_text") | {"sliding_window": 32, "query_pre_attn_scalar": 16}
    vision = tower() | {"model_type": "siglip_vision_model", "vision_use_head": False}
    config = Gemma3Config(
        vision_config=vision | {"image_size": side_px},
        text_config=text | {"layer_types": ["full_attention", "sliding_attention"]},
        mm_tokens_per_image=tokens,
        boi_token_index=tokenizer.boi_token_id,
        eoi_token_index=tokenizer.eoi_token_id,
        image_token_index=tokenizer.image_token_id,
        tie_word_embeddings=False,  # tied, random weights only repeat the end of the prompt
    )
    model = Gemma3ForConditionalGeneration(config)
    projector = model.model.multi_modal_projector
    projector.mm_input_projection_weight.data.normal_()  # it is made as zeros: a blind model
    ends_at_times(model, tokenizer.eos_token_id)
    processor = Gemma3Processor(
        Gemma3ImageProcessorPil(size={"height": side_px, "width": side_px}),
        tokenizer,
        chat_template=GEMMA_TEMPLATE,
        image_seq_length=tokens,
    )
    return save(folder, model, processor)
