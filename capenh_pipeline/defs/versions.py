"""The code versions of the assets: what the UI calls an asset stale by."""

from pathlib import Path
from typing import Any

from capenh_pipeline.domain.identity import recipe_hash
from capenh_pipeline.domain.options import Options
from capenh_pipeline.domain.recipes import Recipe, llm_recipe, served_vlm_recipe, vlm_recipe
from capenh_pipeline.domain.served_options import served_addresses

_SHOWN = 12
"""Hex digits of a version; people compare them by eye."""

_FILE_OPTIONS = (
    *("caption_suffix", "combined_suffix", "generated_suffix", "trigger_word"),
    "cache_generated_captions_to_disk",
)


def code_versions(options: Options) -> dict[str, str]:
    """Return the code version of each asset whose rows the options shape.

    They go by the names of models and by the texts of system prompts. That the weights behind a
    name have changed is found out by a run, which is what decides what is computed.
    """
    llm = llm_recipe(
        options,
        model=options.model,
        system_prompt=_text(options.llm_system_prompt) or "",
        fit_tokenizer=options.fit_tokenizer,
    )
    files = {name: getattr(options, name) for name in _FILE_OPTIONS}
    files["locked_terms"] = _text(options.locked_terms)
    return {
        "vlm_captions": _vlm_recipe(options).hash[:_SHOWN],
        "combined_captions": _version({"llm": llm.hash, "captions": options.llm_captions}),
        "caption_files": _version(files),
    }


def _vlm_recipe(options: Options) -> Recipe:
    system_prompt = _text(options.vlm_system_prompt)
    if served_addresses(options.vlm_base_url):
        return served_vlm_recipe(options, prompt=options.prompt, system_prompt=system_prompt)
    return vlm_recipe(
        options,
        prompt=options.prompt,
        checkpoint=options.model_id,
        revision=options.revision,
        system_prompt=system_prompt,
    )


def _version(values: dict[str, Any]) -> str:
    return recipe_hash(values)[:_SHOWN]


def _text(path: str | None) -> str | None:
    """Return what a file says; its name where it cannot be read, which a run complains of."""
    if path is None:
        return None
    try:
        return Path(path).expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return path
