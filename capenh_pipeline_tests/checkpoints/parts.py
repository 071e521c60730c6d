"""What tiny checkpoints are made of."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

SIDE_PX = 32


def byte_tokenizer(special: dict[str, str], *, start: str = "<s>", end: str = "</s>") -> Any:
    """Return a tokenizer whose tokens are bytes, a start, an end and `special` ones, by role."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    letters = dict.fromkeys([start, end, *special.values(), *alphabet])
    vocabulary = {letter: place for place, letter in enumerate(letters)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=start,
        eos_token=end,
        extra_special_tokens=special,
    )


def tower() -> dict[str, Any]:
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


def language(tokenizer: Any, model_type: str) -> dict[str, Any]:
    """Return the `text_config` of a small decoder that speaks the tokens of `tokenizer`."""
    size = {name: value for name, value in tower().items() if "size" not in name}
    return size | {
        "model_type": model_type,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_key_value_heads": 1,
        "head_dim": 16,
        "vocab_size": len(tokenizer),
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }


def ends_at_times(model: Any, end: int) -> None:
    """Make the end token likely enough that some captions end and others are cut off."""
    model.get_output_embeddings().weight.data[end] *= 2.5


def never_says(model: Any, tokens: Iterable[int]) -> None:
    """Make `tokens` unlikely in answers."""
    model.get_output_embeddings().weight.data[list(tokens)] = 0.0


def save(folder: Path, model: Any, processor: Any) -> Path:
    from transformers.utils import logging

    logging.disable_progress_bar()
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    logging.enable_progress_bar()
    return folder


def save_as_on_the_hub(
    folder: Path,
    model: Any,
    tokenizer: Any,
    image_processor: Any,
    *,
    template: str,
    options: dict[str, Any],
) -> Path:
    """Save a model that reads videos too in the layout that most of them have on the hub.

    Their processor cannot be made here to save it: that would need torchvision.
    """
    save(folder, model, tokenizer)
    image_processor.save_pretrained(folder)
    file = folder / "preprocessor_config.json"
    stated = json.loads(file.read_text())
    stated["image_processor_type"] = stated["image_processor_type"].removesuffix("Pil")
    write_json(file, stated | {"processor_class": options["processor_class"]})
    write_json(folder / "processor_config.json", options)
    (folder / "chat_template.jinja").write_text(template)
    return folder


def rewrite_weights(folder: Path, change: Any) -> None:
    """Let `change` edit the weights of a checkpoint, a dict of tensors by name, in place."""
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    change(weights)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def write_json(file: Path, value: Any) -> None:
    file.write_text(json.dumps(value))
