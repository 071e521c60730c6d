"""Recipes: everything that can change a caption, and nothing else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from capenh_pipeline.domain.fusion.gates import skipped_gates
from capenh_pipeline.domain.identity import recipe_hash
from capenh_pipeline.domain.options import Options
from capenh_pipeline.domain.served_options import served_name, served_pixels

MESSAGE_FORMAT = 1
"""Counts changes of `domain.prompts.user_message` and of what is cut from a reply."""


@dataclass(frozen=True)
class Recipe:
    """What goes into a caption besides its inputs.

    An option that came later is left out of the identity while it has its default, so that an
    upgrade computes nothing again.

    Attributes:
        values: JSON values by name.
        defaults: of the options that came later.
        hash: their identity.
    """

    values: dict[str, Any]
    defaults: Mapping[str, Any] = field(default_factory=dict)

    @property
    def hash(self) -> str:
        """Return the identity of the recipe, 64 hex digits."""
        neutral = self.defaults.items()
        return recipe_hash({k: v for k, v in self.values.items() if (k, v) not in neutral})


_VLM_OPTIONS = ("trust_remote_code", "max_new_tokens", "dtype")

_LATER_VLM_OPTIONS = {
    "attn_implementation": None,
    "quantization": "none",
    "compile": False,
    "on_length": "trim",
    "num_beams": None,
    "no_repeat_ngram_size": None,
    "min_pixels": None,
    "max_pixels": None,
    "background": "white",
}


_SERVED_VLM_OPTIONS = ("max_new_tokens", "on_length", "min_pixels", "background")


def vlm_recipe(
    options: Options,
    *,
    prompt: str,
    checkpoint: str,
    revision: str | None,
    system_prompt: str | None,
) -> Recipe:
    """Return the recipe of a VLM caption.

    Args:
        options: what the user chose.
        prompt: what the VLM is asked.
        checkpoint: the effective hub id, or the fingerprint of a local folder: a folder that
            moves keeps its captions, one whose weights change loses them.
        revision: commit of a hub model, or what was asked for where that cannot be found out;
            None for a local folder.
        system_prompt: text, or None.
    """
    return Recipe(
        {
            "checkpoint": checkpoint,
            "revision": revision,
            "prompt": prompt,
            "system_prompt": system_prompt,
            **{name: getattr(options, name) for name in (*_VLM_OPTIONS, *_LATER_VLM_OPTIONS)},
        },
        defaults=_LATER_VLM_OPTIONS,
    )


SERVED_FORMAT = 1
"""Counts changes of how images are sent: encoding, order of the message."""


def served_vlm_recipe(options: Options, *, prompt: str, system_prompt: str | None) -> Recipe:
    """Return the recipe of a caption of a VLM that is served elsewhere.

    Where is not part of it. A model of the same name in this process is another recipe: nobody
    knows what is behind a name on a server, nor what makes of an image what it sees.

    Args:
        options: what the user chose.
        prompt: what the VLM is asked.
        system_prompt: text, or None.
    """
    return Recipe(
        {
            "served_model": served_name(options),
            "served_format": SERVED_FORMAT,
            "prompt": prompt,
            "system_prompt": system_prompt,
            "max_pixels": served_pixels(options),
            **{name: getattr(options, name) for name in _SERVED_VLM_OPTIONS},
        }
    )


_LATER_LLM_OPTIONS = {
    "on_rejected": "join",
    "min_retention": 0.8,
    "min_support": 0.7,
    "skip_gates": None,
    "caption_language": None,
    "max_words": None,
    "fit": None,
    "fit_tokenizer": None,
}


def llm_recipe(
    options: Options, *, model: str | None, system_prompt: str, fit_tokenizer: str | None = None
) -> Recipe:
    """Return the recipe of a combined caption.

    Where the model is served is not part of it: the same model elsewhere writes the same.

    Args:
        options: what the user chose.
        model: name on the server, or fingerprint of a local folder; None is the only model of
            the server.
        system_prompt: text.
        fit_tokenizer: fingerprint of the folder, if one counts tokens.
    """
    later = {name: getattr(options, name) for name in _LATER_LLM_OPTIONS}
    later["skip_gates"] = ",".join(sorted(skipped_gates(options.skip_gates))) or None
    later["fit_tokenizer"] = fit_tokenizer
    return Recipe(
        {
            "model": model,
            "system_prompt": system_prompt,
            "max_tokens": options.llm_max_tokens,
            "temperature": options.llm_temperature,
            "message_format": MESSAGE_FORMAT,
            **later,
        },
        defaults=_LATER_LLM_OPTIONS,
    )


def request_hash(
    recipe: str, manual_caption: str | None, vlm_captions: Sequence[tuple[str | None, str]]
) -> str:
    """Return the identity of one request to the LLM: its recipe and all that it tells.

    Args:
        recipe: hash of the LLM recipe.
        manual_caption: what a person wrote, or None.
        vlm_captions: what the VLM wrote, as `domain.prompts.user_message` takes it. A caption
            without a name stands for itself, as it did before there could be several.
    """
    told: Any = [list(named) for named in vlm_captions]
    if len(told) == 1 and told[0][0] is None:
        told = told[0][1]
    return recipe_hash({"recipe": recipe, "manual": manual_caption, "vlm": told})
