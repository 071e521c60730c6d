"""Processor and weights of a checkpoint, or one sentence about why there are none."""

import importlib.metadata
import warnings
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from capenh_pipeline.errors import ModelError
from capenh_pipeline.models import vlm_florence_original as original
from capenh_pipeline.models.checkpoints import ModelSource
from capenh_pipeline.models.hub_commits import hub_answers
from capenh_pipeline.models.vlm_hub import fetch_folder, read_config
from capenh_pipeline.models.vlm_processors import LONGEST_REASON, load_processor, missing_package
from capenh_pipeline.models.vlm_weights import Weights


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint whose files are at hand and whose weights are not loaded yet.

    Attributes:
        processor: turns text and images into model inputs.
        model_type: the architecture, a word of transformers.
        revision: resolved commit of the hub, None for a folder.
        load_model: returns the model as `Weights` say.
    """

    processor: Any
    model_type: str
    revision: str | None
    load_model: Callable[[Weights], Any]


def open_checkpoint(
    source: ModelSource, *, revision: str | None, trust_remote_code: bool
) -> Checkpoint:
    """Return the checkpoint of `source`; what can be refused without its weights is refused here.

    Raises:
        ModelError: it cannot be found, is no VLM, or needs a package or code that is missing.
    """
    raw, commit = read_config(source, source.effective_revision(revision))
    if original.is_original(raw):
        folder = source.folder or _fetch_original(source, commit)
        with as_model_error(source.requested):
            processor = original.load_processor(folder)
        load = partial(original.load_model, folder, raw, processor)
    else:
        place = str(source.folder or source.effective_id)
        is_offline = not source.folder and not hub_answers(source.effective_id, commit)
        loading = {
            "revision": commit,
            "trust_remote_code": trust_remote_code,
            "local_files_only": is_offline,
        }
        with as_model_error(source.requested):
            model_class = _model_class(source, place, raw, loading)
            processor = load_processor(source.requested, place, loading)
        load = partial(_load_model, model_class, place, loading)
    return Checkpoint(
        processor=processor,
        model_type=raw.get("model_type", ""),
        revision=commit,
        load_model=partial(_load_checked, source.requested, load),
    )


@contextmanager
def as_model_error(model_id: str) -> Generator[None]:
    """Turn what transformers raises on a checkpoint into one sentence.

    Raises:
        ModelError: in its place.
    """
    import pickle

    from safetensors import SafetensorError

    try:
        yield
    except ImportError as error:
        raise ModelError(missing_package(model_id, error)) from error
    except (
        *(OSError, ValueError, RuntimeError, SafetensorError, pickle.UnpicklingError),
        *(LookupError, TypeError, AttributeError),  # code made for other releases of transformers
    ) as error:
        reason = " ".join(str(error).split())[:LONGEST_REASON] or type(error).__name__
        raise ModelError(f"{model_id} cannot be loaded: {reason}") from error


@contextmanager
def quiet_transformers() -> Generator[None]:
    """Silence the progress bars and reports of transformers; downloads keep their bars."""
    from huggingface_hub.utils import are_progress_bars_disabled
    from transformers.utils import logging

    verbosity, had_bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    has_hub_bars = not are_progress_bars_disabled()
    logging.set_verbosity_error()
    _show_bars(of_transformers=False, of_hub=has_hub_bars)
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        _show_bars(of_transformers=had_bars, of_hub=has_hub_bars)


def check_weights(model_id: str, *, missing: set[str], mismatched: set[str]) -> None:
    """Refuse a checkpoint that does not fill its model: the rest would be random numbers.

    Raises:
        ModelError: a weight is missing or has another shape.
    """
    bad = sorted(missing | mismatched)
    if bad:
        raise ModelError(
            f"{model_id}: its weights do not fit its config.json: {len(missing)} missing, "
            f"{len(mismatched)} of another shape, such as {', '.join(bad[:3])}."
        )


def _show_bars(*, of_transformers: bool, of_hub: bool) -> None:
    from huggingface_hub.utils import disable_progress_bars, enable_progress_bars
    from transformers.utils import logging

    with warnings.catch_warnings(action="ignore"):  # the user's environment has the last word
        if of_transformers:
            logging.enable_progress_bar()  # the hub's too
        else:
            logging.disable_progress_bar()
        (enable_progress_bars if of_hub else disable_progress_bars)()


def _load_checked(model_id: str, load: Callable[..., Any], weights: Weights) -> Any:
    with as_model_error(model_id):
        model, missing, mismatched = load(weights)
        check_weights(model_id, missing=missing, mismatched=mismatched)
        return model.eval()


def _fetch_original(source: ModelSource, commit: str | None) -> Path:
    with as_model_error(source.requested):
        folder = fetch_folder(source.effective_id, commit, weights="*.safetensors")
        if not any(folder.glob("*.safetensors")):
            folder = fetch_folder(source.effective_id, commit, weights="pytorch_model*.bin")
        return folder


def _model_class(
    source: ModelSource, place: str, raw: dict[str, Any], loading: dict[str, Any]
) -> Any:
    """Return the class that loads the model.

    Raises:
        ModelError: no class of transformers reads images and writes text with this config.
    """
    from transformers import (
        CONFIG_MAPPING,
        MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING,
        AutoConfig,
        AutoModelForCausalLM,
        AutoModelForImageTextToText,
    )

    model_type, own_code = raw.get("model_type"), raw.get("auto_map", {})
    if loading["trust_remote_code"] and own_code:
        is_causal = "AutoModelForImageTextToText" not in own_code
        is_causal = is_causal and "AutoModelForCausalLM" in own_code
        return AutoModelForCausalLM if is_causal else AutoModelForImageTextToText
    if model_type not in CONFIG_MAPPING:
        raise ModelError(_unknown_type(source.requested, model_type, has_code=bool(own_code)))
    if type(AutoConfig.from_pretrained(place, **loading)) in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING:
        return AutoModelForImageTextToText
    raise ModelError(
        f"{source.requested} is no vision-language model: its model type is {model_type}."
    )


def _load_model(
    model_class: Any, place: str, loading: dict[str, Any], weights: Weights
) -> tuple[Any, set[str], set[str]]:
    model, info = model_class.from_pretrained(
        place,
        **loading,
        dtype=weights.dtype,
        device_map={"": weights.device},
        attn_implementation=weights.attn_implementation,
        quantization_config=weights.quantization_config(),
        ignore_mismatched_sizes=True,  # so that they are all named
        output_loading_info=True,
    )
    mismatched = {key if isinstance(key, str) else key[0] for key in info["mismatched_keys"]}
    return model, set(info["missing_keys"]), mismatched


def _unknown_type(model_id: str, model_type: str | None, *, has_code: bool) -> str:
    if has_code:
        return (
            f"{model_id} brings its own Python code: read it, and run it with --trust_remote_code "
            "if you trust it."
        )
    version = importlib.metadata.version("transformers")
    return f"{model_id}: transformers {version} does not know its model type {model_type!r}."
