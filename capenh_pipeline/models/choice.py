"""Which models a run uses, and the recipes that follow; decided without loading anything."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from capenh_pipeline.domain.options import DEFAULT_LOCAL_LLM, Options
from capenh_pipeline.domain.prompts import DEFAULT_LLM_SYSTEM_PROMPT
from capenh_pipeline.domain.recipes import Recipe, llm_recipe, vlm_recipe
from capenh_pipeline.files import absolute_path
from capenh_pipeline.models.base import LanguageModel
from capenh_pipeline.models.checkpoints import fingerprint, locate_model
from capenh_pipeline.models.llm import LlmSettings, OpenAiLanguageModel
from capenh_pipeline.models.local_server import LocalLanguageModel
from capenh_pipeline.models.vlm import VlmSettings

FileHash = Callable[[Path], str]
"""Returns the SHA-256 of a file; may remember it."""


@dataclass(frozen=True)
class VlmChoice:
    """A VLM to be loaded if a caption is missing.

    Attributes:
        recipe: identity of its captions.
        settings: what `load_vlm` takes.
        warning: a sentence for the user, or None.
    """

    recipe: Recipe
    settings: VlmSettings
    warning: str | None


@dataclass(frozen=True)
class LlmChoice:
    """An LLM to be asked if a caption is missing.

    Attributes:
        recipe: identity of its captions.
        settings: how it is asked.
        is_served_here: whether the embedded server runs it; `settings.model` is then a hub id
            or a local folder.
        api_key: secret of the server, or None.
    """

    recipe: Recipe
    settings: LlmSettings
    is_served_here: bool
    api_key: str | None = field(repr=False)

    def connect(self) -> LanguageModel:
        """Return the client; nothing is started or sent yet."""
        if self.is_served_here:
            return LocalLanguageModel(self.settings)
        return OpenAiLanguageModel(self.settings, api_key=self.api_key)


def choose_vlm(options: Options, *, system_prompt: str | None, file_hash: FileHash) -> VlmChoice:
    """Return the VLM that `options` name.

    Raises:
        ModelError: it is a folder that does not exist or holds no checkpoint.
    """
    source = locate_model(options.model_id)
    checkpoint = (
        source.effective_id if source.folder is None else fingerprint(source.folder, file_hash)
    )
    return VlmChoice(
        recipe=vlm_recipe(
            options,
            checkpoint=checkpoint,
            revision=source.effective_revision(options.revision),
            system_prompt=system_prompt,
        ),
        settings=VlmSettings(
            model_id=options.model_id,
            revision=options.revision,
            trust_remote_code=options.trust_remote_code,
            prompt=options.prompt,
            system_prompt=system_prompt,
            max_new_tokens=options.max_new_tokens,
            device=options.device,
            dtype=options.dtype,
        ),
        warning=source.warning,
    )


def choose_llm(
    options: Options,
    *,
    system_prompt: str | None,
    environment: Mapping[str, str],
    file_hash: FileHash,
) -> LlmChoice:
    """Return the LLM that `options` and the environment name.

    A server is used where one is named (`base_url`, `OPENAI_BASE_URL`) or a key is there
    (`OPENAI_API_KEY`) and the model is no local folder; otherwise a local model is served here.

    Raises:
        ModelError: it is a folder that does not exist or holds no checkpoint.
    """
    base_url = options.base_url or environment.get("OPENAI_BASE_URL") or None
    api_key = environment.get("OPENAI_API_KEY") or None
    is_folder = options.model is not None and absolute_path(options.model, option="model").is_dir()
    is_served_here = base_url is None and (api_key is None or is_folder)
    model = options.model or (DEFAULT_LOCAL_LLM if is_served_here else None)
    prompt = system_prompt or DEFAULT_LLM_SYSTEM_PROMPT
    return LlmChoice(
        recipe=llm_recipe(
            options,
            model=_local_identity(model, file_hash) if is_served_here else model,
            system_prompt=prompt,
        ),
        settings=LlmSettings(
            base_url=base_url,
            model=model,
            system_prompt=prompt,
            concurrency=options.concurrency,
            max_tokens=options.llm_max_tokens,
            temperature=options.llm_temperature,
            timeout_s=options.llm_timeout_s,
        ),
        is_served_here=is_served_here,
        api_key=api_key,
    )


def _local_identity(model: str | None, file_hash: FileHash) -> str | None:
    source = locate_model(model or DEFAULT_LOCAL_LLM)
    return source.effective_id if source.folder is None else fingerprint(source.folder, file_hash)
