"""Writes tiny checkpoints: random weights with real processors, and odd copies of the demo's."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

from capenh_pipeline.demo.checkpoints import FLORENCE_FOLDER

SIDE_PX = 32
LLAVA_TEMPLATE = """\
{% for message in messages %}<s>{{ message.role }}: {% for part in message.content %}\
{% if part.type == 'image' %}<image>{% else %}{{ part.text }}{% endif %}{% endfor %}
{% endfor %}{% if add_generation_prompt %}<s>assistant:{% endif %}"""

_ORIGINAL_NAMES = [
    (r"^model\.language_model\.", "language_model.model."),
    (r"^model\.multi_modal_projector\.image_projection\.weight$", "image_projection"),
    (r"^model\.multi_modal_projector\.image_position_embed\.", "image_pos_embed."),
    (r"^model\.multi_modal_projector\.", ""),
    (r"^model\.vision_tower\.", "vision_tower."),
    (r"(convs\.\d)\.conv\.", r"\1.proj."),
    (r"_block\.conv([12])\.", r"_block.conv\1.fn.dw."),
    (r"spatial_block\.norm1\.", "spatial_block.window_attn.norm."),
    (r"channel_block\.norm1\.", "channel_block.channel_attn.norm."),
    (r"\.(window_attn|channel_attn)\.(qkv|proj)\.", r".\1.fn.\2."),
    (r"\.norm2\.", ".ffn.norm."),
    (r"\.ffn\.(fc[12])\.", r".ffn.fn.net.\1."),
]


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
    tokenizer = _byte_tokenizer({"image_token": "<image>"})
    tiles = [[SIDE_PX, 2 * SIDE_PX], [2 * SIDE_PX, SIDE_PX], [2 * SIDE_PX, 2 * SIDE_PX]]
    text = {**_tower(), "model_type": "llama", "num_key_value_heads": 2}
    config = LlavaNextConfig(
        vision_config={**_tower(), "model_type": "clip_vision_model", "projection_dim": 32},
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
    return _save(folder, model, processor)


def write_blip(folder: Path) -> Path:
    """Write a model that goes on with the prompt, and whose tokenizer knows letters and words."""
    import torch
    from transformers import (
        BertTokenizer,
        BlipConfig,
        BlipForConditionalGeneration,
        BlipImageProcessorPil,
        BlipProcessor,
    )

    torch.manual_seed(2)
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{a}" for a in letters)]
    text = {**_tower(), "vocab_size": len(words), "encoder_hidden_size": 32}
    text |= {"bos_token_id": 2, "sep_token_id": 3, "eos_token_id": 3, "pad_token_id": 0}
    config = BlipConfig(text_config=text, vision_config=_tower(), image_text_hidden_size=32)
    processor = BlipProcessor(
        BlipImageProcessorPil(size={"height": SIDE_PX, "width": SIDE_PX}),
        BertTokenizer(vocab={word: place for place, word in enumerate(words)}),
    )
    return _save(folder, BlipForConditionalGeneration(config), processor)


def write_blip2(folder: Path) -> Path:
    """Write a model whose processor pads and then does not pad, within one call."""
    import torch
    from transformers import (
        Blip2Config,
        Blip2ForConditionalGeneration,
        Blip2Processor,
        BlipImageProcessorPil,
    )

    torch.manual_seed(3)
    processor = Blip2Processor(
        BlipImageProcessorPil(size={"height": SIDE_PX, "width": SIDE_PX}),
        _byte_tokenizer({}),
        num_query_tokens=4,
    )
    text = {**_tower(), "model_type": "opt", "ffn_dim": 64, "word_embed_proj_dim": 32}
    text |= {"vocab_size": len(processor.tokenizer), "bos_token_id": 0, "eos_token_id": 1}
    config = Blip2Config(
        vision_config=_tower(),
        qformer_config={**_tower(), "encoder_hidden_size": 32},
        text_config=text | {"pad_token_id": 1, "init_std": 0.5},
        num_query_tokens=4,
        image_token_index=len(processor.tokenizer) - 1,
    )
    return _save(folder, Blip2ForConditionalGeneration(config), processor)


def write_original_florence(folder: Path, *, weights: str = "safetensors") -> Path:
    """Write the demo's Florence-2 in Microsoft's layout, with code that would raise if run."""
    import torch
    from safetensors.torch import load_file, save_file

    folder.mkdir(parents=True)
    generation = json.loads((FLORENCE_FOLDER / "generation_config.json").read_text())
    write_json(folder / "generation_config.json", generation | {"no_repeat_ngram_size": 0})
    # The original tokenizer has no token for an image: its processor adds one at the end.
    tokens = (FLORENCE_FOLDER / "tokenizer.json").read_text()
    (folder / "tokenizer.json").write_text(tokens.replace('"<image>"', '"<unused>"'))
    write_json(folder / "tokenizer_config.json", {"tokenizer_class": "BartTokenizer"})
    processor = json.loads((FLORENCE_FOLDER / "processor_config.json").read_text())
    write_json(folder / "preprocessor_config.json", processor["image_processor"])
    write_json(folder / "config.json", _original_config())
    (folder / "modeling_florence2.py").write_text("raise RuntimeError('this must not be run')\n")
    native = load_file(FLORENCE_FOLDER / "model.safetensors")
    original = {_original_name(name): weight for name, weight in native.items()}
    original["image_projection"] = original["image_projection"].t().contiguous()
    rows = original["language_model.model.shared.weight"].shape[0]
    original["language_model.final_logits_bias"] = torch.zeros(1, rows)
    if weights == "safetensors":
        save_file(original, folder / "model.safetensors")
    else:
        torch.save(original, folder / "pytorch_model.bin")
    return folder


def copy_florence(folder: Path, *, generation: dict[str, Any] | None = None) -> Path:
    """Copy the demo's Florence-2, with other options in its generation_config.json."""
    folder.mkdir(parents=True)
    for file in FLORENCE_FOLDER.iterdir():
        shutil.copyfile(file, folder / file.name)
    options = json.loads((folder / "generation_config.json").read_text()) | (generation or {})
    write_json(folder / "generation_config.json", options)
    return folder


def rewrite_weights(folder: Path, change: Any) -> None:
    """Let `change` edit the weights of a checkpoint, a dict of tensors by name, in place."""
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    change(weights)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def write_json(file: Path, value: Any) -> None:
    file.write_text(json.dumps(value))


def _byte_tokenizer(special: dict[str, str]) -> Any:
    """Return a tokenizer whose tokens are bytes, an end token and `special` ones, by their role."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    letters = ["<s>", "</s>", *special.values(), *alphabet]
    vocabulary = {letter: place for place, letter in enumerate(letters)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=letters[0],
        eos_token=letters[1],
        extra_special_tokens=special,
    )


def _tower() -> dict[str, Any]:
    """Return the size of a transformer whose random weights are large enough to tell images."""
    return {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "image_size": SIDE_PX,
        "patch_size": 8,
        "initializer_range": 0.5,
    }


def _save(folder: Path, model: Any, processor: Any) -> Path:
    from transformers.utils import logging

    logging.disable_progress_bar()
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    logging.enable_progress_bar()
    return folder


def _original_config() -> dict[str, Any]:
    native = json.loads((FLORENCE_FOLDER / "config.json").read_text())
    vision, text = native["vision_config"], native["text_config"]
    vision["dim_embed"] = vision.pop("embed_dim")
    vision["model_type"] = "davit"
    temporal = {"type": "COSINE", "max_temporal_embeddings": vision.pop("max_temporal_embeddings")}
    places = {"type": "learned_abs_2d", "max_pos_embeddings": vision.pop("max_position_embeddings")}
    vision |= {"visual_temporal_embedding": temporal, "image_pos_embed": places}
    text |= {"model_type": "florence2_language", "no_repeat_ngram_size": 3}
    return {
        "model_type": "florence2",
        "architectures": ["Florence2ForConditionalGeneration"],
        "auto_map": {
            "AutoConfig": "configuration_florence2.Florence2Config",
            "AutoModelForCausalLM": "modeling_florence2.Florence2ForConditionalGeneration",
        },
        "torch_dtype": "float16",
        "is_encoder_decoder": True,
        "vocab_size": text["vocab_size"],
        "projection_dim": vision["projection_dim"],
        "text_config": text,
        "vision_config": vision,
    }


def _original_name(name: str) -> str:
    for pattern, replacement in _ORIGINAL_NAMES:
        name = re.sub(pattern, replacement, name)
    return name
