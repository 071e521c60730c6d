"""What a model generates with, and which of the tokens it returns are new."""

from typing import Any

from capenh_pipeline.models.base import Generation
from capenh_pipeline.models.vlm_settings import VlmSettings

_SAMPLING = ("temperature", "top_p", "top_k", "min_p", "typical_p", "epsilon_cutoff", "eta_cutoff")


def settle_tokenizer(tokenizer: Any, *, is_encoder_decoder: bool) -> None:
    """Make the tokenizer fit for batches: a padding token, and padding on the right side of it.

    A decoder writes on where the prompt ends, so its prompts must all end in the last column;
    padded on the other side, some captions of a batch silently change.
    """
    if not is_encoder_decoder:
        tokenizer.padding_side = "left"
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.unk_token


def settle_generation(model: Any, tokenizer: Any) -> frozenset[int]:
    """Make the model generate the likeliest caption, and return the tokens that end one.

    Sampling, which many checkpoints switch on, goes off; the checkpoint's beams stay. An end
    token is no longer forced on a caption that is cut off, because it would look finished.
    """
    for part in model.modules():
        config = getattr(part, "generation_config", None)
        if config is not None:
            _settle_config(config, tokenizer)
    if model.config.model_type == "blip":  # its `generate` sets the end token itself
        return frozenset({model.config.text_config.sep_token_id})
    end = model.generation_config.eos_token_id
    return frozenset(end if isinstance(end, list) else [] if end is None else [end])


def generation_values(settings: VlmSettings, *, room: int | None) -> dict[str, Any]:
    """Return the arguments of `generate`: what was asked for, within what the model can do.

    Args:
        settings: what is None there stays the checkpoint's own.
        room: of `room_for_tokens`.
    """
    asked = {
        "max_new_tokens": min(settings.max_new_tokens, room or settings.max_new_tokens),
        "num_beams": settings.num_beams,
        "no_repeat_ngram_size": settings.no_repeat_ngram_size,
    }
    return {name: value for name, value in asked.items() if value is not None}


def other_values(
    values: dict[str, Any], generation: Generation, *, room: int | None
) -> dict[str, Any]:
    """Return `values` as one call wants them; `room` is that of `room_for_tokens`."""
    tokens = values["max_new_tokens"] * generation.token_factor
    changed = {**values, "max_new_tokens": min(tokens, room or tokens)}
    if generation.max_new_tokens:
        changed["max_new_tokens"] = min(tokens, generation.max_new_tokens)
    if generation.no_repeat_ngram_size is not None:
        changed["no_repeat_ngram_size"] = generation.no_repeat_ngram_size
    return changed


def effective_options(model: Any, values: dict[str, Any]) -> dict[str, Any]:
    """Return what captions are really made with, the checkpoint's own choices included."""
    config = model.generation_config
    return {
        "num_beams": config.num_beams or 1,
        "no_repeat_ngram_size": config.no_repeat_ngram_size or 0,
        **values,
        "dtype": str(model.dtype).removeprefix("torch."),
        "attn_implementation": getattr(model.config, "_attn_implementation", None),
    }


def is_encoder_decoder(config: Any) -> bool:
    """Return whether the text is written by a decoder that does not read the prompt itself."""
    return bool(
        getattr(config, "is_encoder_decoder", False)
        or getattr(config.get_text_config(), "is_encoder_decoder", False)
    )


def room_for_tokens(model: Any) -> int | None:
    """Return the longest caption that the model has positions for; None where it sets no limit.

    A decoder that reads the prompt with the caption has no fixed room for the latter; such models
    compute their positions and do not run off a table.
    """
    config = model.config.get_text_config(decoder=True)
    if not is_encoder_decoder(model.config):
        return None
    positions = getattr(config, "max_position_embeddings", None)
    return positions - 1 if positions else None  # one is the start token's


def new_tokens(output: Any, prompt: Any, *, config: Any) -> Any:
    """Return the columns of `output` that the model wrote.

    Args:
        output: token ids that `generate` returned, shape (images, tokens).
        prompt: token ids that it was given, shape (images, tokens), or None.
        config: of the model.
    """
    if is_encoder_decoder(config):
        return output[:, 1:]  # the first is the start token, which no model writes
    if prompt is None:
        return output
    # BLIP replaces the first token of the prompt and drops the last.
    length = prompt.shape[1] - (config.model_type == "blip")
    repeats_prompt = output.shape[1] >= length and bool(
        (output[:, 1:length] == prompt[:, 1:length]).all()
    )
    return output[:, length:] if repeats_prompt else output


def _settle_config(config: Any, tokenizer: Any) -> None:
    config.do_sample = False
    for name in _SAMPLING:
        setattr(config, name, None)
    config.max_length = None
    config.forced_eos_token_id = None
    if config.eos_token_id is None:
        config.eos_token_id = tokenizer.eos_token_id
    if config.pad_token_id is None:
        config.pad_token_id = tokenizer.pad_token_id
