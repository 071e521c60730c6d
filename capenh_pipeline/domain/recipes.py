"""Recipes: everything that can change a caption, and nothing else."""

from dataclasses import dataclass
from typing import Any

from capenh_pipeline.domain.identity import canonical_json, recipe_hash
from capenh_pipeline.domain.options import Options

MESSAGE_FORMAT = 1
"""Counts changes of `domain.prompts.user_message` and of what is cut from a reply."""


@dataclass(frozen=True)
class Recipe:
    """What goes into a caption besides its inputs.

    Attributes:
        values: JSON values by name.
        hash: their identity.
    """

    values: dict[str, Any]

    @property
    def hash(self) -> str:
        """Return the identity of the recipe, 64 hex digits."""
        return recipe_hash(self.values)

    def to_json(self) -> str:
        """Return the values as the text that a row's `options` column holds."""
        return canonical_json(self.values)


def vlm_recipe(
    options: Options, *, checkpoint: str, revision: str | None, system_prompt: str | None
) -> Recipe:
    """Return the recipe of a VLM caption.

    Args:
        options: what the user chose.
        checkpoint: the effective hub id, or the fingerprint of a local folder: a folder that
            moves keeps its captions, one whose weights change loses them.
        revision: of a hub model, as asked; None for a local folder.
        system_prompt: text, or None.
    """
    return Recipe(
        {
            "checkpoint": checkpoint,
            "revision": revision,
            "trust_remote_code": options.trust_remote_code,
            "prompt": options.prompt,
            "system_prompt": system_prompt,
            "max_new_tokens": options.max_new_tokens,
            "dtype": options.dtype,
        }
    )


def llm_recipe(options: Options, *, model: str | None, system_prompt: str) -> Recipe:
    """Return the recipe of a combined caption.

    Where the model is served is not part of it: the same model elsewhere writes the same.

    Args:
        options: what the user chose.
        model: name on the server, or fingerprint of a local folder; None is the only model of
            the server.
        system_prompt: text.
    """
    return Recipe(
        {
            "model": model,
            "system_prompt": system_prompt,
            "max_tokens": options.llm_max_tokens,
            "temperature": options.llm_temperature,
            "message_format": MESSAGE_FORMAT,
        }
    )


def request_hash(recipe: str, manual_caption: str | None, vlm_caption: str) -> str:
    """Return the identity of one request to the LLM: its recipe and both texts.

    Args:
        recipe: hash of the LLM recipe.
        manual_caption: what a person wrote, or None.
        vlm_caption: what the VLM wrote.
    """
    return recipe_hash({"recipe": recipe, "manual": manual_caption, "vlm": vlm_caption})
