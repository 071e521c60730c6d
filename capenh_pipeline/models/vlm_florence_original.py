"""Florence-2 checkpoints in Microsoft's original layout, which only their own code can load.

They are turned into the layout of transformers 5 in memory, and none of their code is run. The
two layouts differ in names, in one transposed matrix and in the tokens that the original
processor adds when it is made (transformers, `convert_florence2_original_pytorch_to_hf.py`).
"""

import json
import re
from pathlib import Path
from typing import Any

from capenh_pipeline.errors import ConfigurationError
from capenh_pipeline.models.vlm_weights import Weights

_MARKERS = ("cap", "ncap", "dcap", "grounding", "seg")
_LATER_MARKERS = ("region_cap", "region_to_desciption", "proposal", "poly")  # spelt so

# In the order of their ids; one of them added twice or left out would shift the others.
LOCATION_TOKENS = [
    *("<od>", "</od>", "<ocr>", "</ocr>"),
    *(f"<loc_{index}>" for index in range(1000)),
    *(token for name in _MARKERS for token in (f"<{name}>", f"</{name}>")),
    "<sep>",
    *(token for name in _LATER_MARKERS for token in (f"<{name}>", f"</{name}>")),
    "<and>",
]
IMAGE_TOKEN = "<image>"  # noqa: S105  # a token of text, no secret

_PROJECTOR = "model.multi_modal_projector."
_RENAMES = [
    (r"^language_model\.model\.", "model.language_model."),
    (r"^language_model\.lm_head\.", "lm_head."),
    (r"^image_projection$", f"{_PROJECTOR}image_projection.weight"),
    (r"^image_pos_embed\.", f"{_PROJECTOR}image_position_embed."),
    (r"^(image_proj_norm|visual_temporal_embed)\.", rf"{_PROJECTOR}\1."),
    (r"^vision_tower\.", "model.vision_tower."),
    (r"(convs\.\d+)\.proj\.", r"\1.conv."),
    (r"\.conv([12])\.fn\.dw\.", r".conv\1."),
    (r"\.(window_attn|channel_attn)\.norm\.", ".norm1."),
    (r"\.(window_attn|channel_attn)\.fn\.", r".\1."),
    (r"\.ffn\.norm\.", ".norm2."),
    (r"\.ffn\.fn\.net\.", ".ffn."),
]
_UNUSED = {"language_model.final_logits_bias"}  # zeros
_TOKEN_ROWS = (  # one and the same matrix; a file holds it once, under any of the names
    "model.language_model.shared.weight",
    "model.language_model.encoder.embed_tokens.weight",
    "model.language_model.decoder.embed_tokens.weight",
    "lm_head.weight",
)

_POST_PROCESSING = (
    *("ocr", "phrase_grounding", "pure_text", "description_with_bboxes", "polygons", "bboxes"),
    *("description_with_polygons", "description_with_bboxes_or_polygons"),
)
_VISION_OPTIONS = (
    *("depths", "patch_size", "patch_stride", "patch_padding", "patch_prenorm", "num_heads"),
    *("num_groups", "window_size", "projection_dim", "drop_path_rate"),
)
_TOKEN_IDS: dict[str, Any] = {
    "bos_token_id": 0,
    "pad_token_id": 1,
    "eos_token_id": 2,
    "decoder_start_token_id": 2,
}
_GENERATION_OPTIONS = (
    *(*_TOKEN_IDS, "forced_bos_token_id"),
    *("num_beams", "no_repeat_ngram_size", "early_stopping", "length_penalty"),
)


def is_original(config: dict[str, Any]) -> bool:
    """Return whether a raw `config.json` is of the original layout."""
    vision = config.get("vision_config") or {}
    return config.get("model_type") == "florence2" and "dim_embed" in vision


def load_processor(folder: Path) -> Any:
    """Return the processor of an original checkpoint, with the tokens that its own would add."""
    from transformers import AddedToken, AutoImageProcessor, BartTokenizer, Florence2Processor

    tokenizer = BartTokenizer.from_pretrained(folder)
    tokens = [*LOCATION_TOKENS, IMAGE_TOKEN]
    tokenizer.add_tokens(
        [AddedToken(token, special=True, normalized=False) for token in tokens],
        special_tokens=True,
    )
    tokenizer.image_token = IMAGE_TOKEN
    tokenizer.image_token_id = tokenizer.convert_tokens_to_ids(IMAGE_TOKEN)
    return Florence2Processor(
        image_processor=AutoImageProcessor.from_pretrained(folder, backend="pil"),
        tokenizer=tokenizer,
        post_processor_config={kind: {} for kind in _POST_PROCESSING},
    )


def load_model(
    folder: Path, config: dict[str, Any], processor: Any, weights: Weights
) -> tuple[Any, set[str], set[str]]:
    """Return the model, and the names of weights that are missing or of another shape.

    Raises:
        ConfigurationError: the weights are to be quantized.
    """
    import torch
    from transformers import AutoModelForImageTextToText, GenerationConfig

    if weights.quantization != "none":
        raise ConfigurationError(
            "--quantization cannot be had for a Florence-2 in its original layout; name its twin "
            "in the layout of transformers (florence-community/...)."
        )
    native = native_config(config, processor.tokenizer)
    found = native_weights(read_weights(folder), vocabulary=native.text_config.vocab_size)
    with torch.device("meta"):
        model = AutoModelForImageTextToText.from_config(
            native, attn_implementation=weights.attn_implementation
        )
    wanted = model.state_dict()
    mismatched = {name for name in found.keys() & wanted if found[name].shape != wanted[name].shape}
    kept = {name: weight for name, weight in found.items() if name not in mismatched}
    missing = set(model.load_state_dict(kept, strict=False, assign=True).missing_keys)
    model.tie_weights()
    model.generation_config = GenerationConfig(**_generation_options(folder, config))
    missing -= mismatched
    if missing or mismatched:
        return model, missing, mismatched
    return model.to(device=weights.device, dtype=weights.dtype), missing, mismatched


def native_config(config: dict[str, Any], tokenizer: Any) -> Any:
    """Return the `Florence2Config` of an original `config.json`."""
    from transformers import BartConfig, Florence2Config, Florence2VisionConfig

    vision, text = config["vision_config"], config["text_config"]
    known = set(BartConfig().to_dict()) - {"model_type", "transformers_version", "dtype"}
    size = max(text["vocab_size"], tokenizer.image_token_id + 1)
    text_config = BartConfig(**{k: v for k, v in text.items() if k in known} | {"vocab_size": size})
    vision_config = Florence2VisionConfig(
        embed_dim=vision["dim_embed"],
        max_temporal_embeddings=vision["visual_temporal_embedding"]["max_temporal_embeddings"],
        max_position_embeddings=vision["image_pos_embed"]["max_pos_embeddings"],
        **{name: vision[name] for name in _VISION_OPTIONS if name in vision},
    )
    return Florence2Config(
        text_config=text_config.to_dict(),
        vision_config=vision_config.to_dict(),
        image_token_id=tokenizer.image_token_id,
        **_TOKEN_IDS,
    )


def read_weights(folder: Path) -> dict[str, Any]:
    """Return the weights of a checkpoint by their original names; safetensors come first.

    Raises:
        OSError: there are none.
    """
    import torch
    from safetensors.torch import load_file

    if files := sorted(folder.glob("*.safetensors")):
        parts = [load_file(file) for file in files]
    else:
        files = sorted(folder.glob("pytorch_model*.bin"))
        parts = [torch.load(file, map_location="cpu", weights_only=True) for file in files]
    if not parts:
        raise OSError("it has neither *.safetensors nor pytorch_model*.bin.")
    return {name: weight for part in parts for name, weight in part.items()}


def native_weights(weights: dict[str, Any], *, vocabulary: int) -> dict[str, Any]:
    """Return original weights under their names in transformers.

    Args:
        weights: tensors by original name.
        vocabulary: tokens the model must have. Rows that the checkpoint lacks are those of
            tokens that its processor adds; they become the mean of the others, which is never
            the likeliest next token.
    """
    native = {}
    for name, weight in weights.items():
        if name in _UNUSED:
            continue
        native[native_name(name)] = weight.t() if name == "image_projection" else weight
    rows = next((native[name] for name in _TOKEN_ROWS if name in native), None)
    if rows is None:
        return native
    return native | dict.fromkeys(_TOKEN_ROWS, _widen(rows, vocabulary))


def native_name(name: str) -> str:
    """Return the name in transformers of a weight of the original layout."""
    for pattern, replacement in _RENAMES:
        name = re.sub(pattern, replacement, name)
    return name


def _widen(weight: Any, rows: int) -> Any:
    import torch

    absent = rows - weight.shape[0]
    if absent <= 0:
        return weight
    mean = weight.float().mean(0, keepdim=True).to(weight.dtype)
    return torch.cat([weight, mean.expand(absent, -1)])


def _generation_options(folder: Path, config: dict[str, Any]) -> dict[str, Any]:
    file = folder / "generation_config.json"
    stated = json.loads(file.read_bytes()) if file.is_file() else {}
    sources = _TOKEN_IDS | config["text_config"] | stated
    return {name: sources[name] for name in _GENERATION_OPTIONS if name in sources}
