"""The demo's Florence-2 in other layouts and with other options."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

from capenh_pipeline.demo.checkpoints import FLORENCE_FOLDER
from capenh_pipeline_tests.checkpoints.parts import write_json

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
