"""Which models a run uses, and the recipes that follow; decided without loading anything."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from capenh_pipeline.domain.llm_options import DEFAULT_LOCAL_LLM
from capenh_pipeline.domain.options import Options
from capenh_pipeline.domain.prompts import DEFAULT_LLM_SYSTEM_PROMPT
from capenh_pipeline.domain.recipes import Recipe, llm_recipe, served_vlm_recipe, vlm_recipe
from capenh_pipeline.domain.served_options import served_addresses, served_name, served_pixels
from capenh_pipeline.domain.vlm_prompts import VlmPrompt, vlm_prompts
from capenh_pipeline.errors import ModelError
from capenh_pipeline.files import absolute_path
from capenh_pipeline.models.base import LanguageModel
from capenh_pipeline.models.checkpoints import ModelSource, fingerprint, locate_model
from capenh_pipeline.models.hub_commits import HubCommit
from capenh_pipeline.models.image_urls import PixelBudget
from capenh_pipeline.models.llm import LlmSettings, OpenAiLanguageModel
from capenh_pipeline.models.llm_client import Server
from capenh_pipeline.models.local_server import LocalLanguageModel
from capenh_pipeline.models.served_vlm import ServedVlmSettings
from capenh_pipeline.models.server_role import VLM
from capenh_pipeline.models.vlm_settings import VlmSettings

FileHash = Callable[[Path], str]
"""Returns the SHA-256 of a file; may remember it."""


@dataclass(frozen=True)
class PromptRecipe:
    """One prompt to a VLM, and the identity of the captions that answer it."""

    prompt: VlmPrompt
    recipe: Recipe


@dataclass(frozen=True)
class VlmChoice:
    """A VLM to be loaded, or asked, if a caption is missing.

    Attributes:
        prompts: the prompts of images in folders without one of their own, each with the recipe
            of its captions.
        folder_prompts: the same by text, for prompts that folders have.
        settings: what `load_vlm` takes, or `ServedVlm` where it is served elsewhere.
        warning: a sentence for the user, or None.
    """

    prompts: tuple[PromptRecipe, ...]
    folder_prompts: Mapping[str, PromptRecipe]
    settings: VlmSettings | ServedVlmSettings
    warning: str | None

    @property
    def all_prompts(self) -> tuple[PromptRecipe, ...]:
        """Every prompt once, in the order of `settings.prompts`."""
        by_recipe = {
            asked.recipe.hash: asked for asked in (*self.prompts, *self.folder_prompts.values())
        }
        return tuple(by_recipe.values())


@dataclass(frozen=True)
class LlmChoice:
    """An LLM to be asked if a caption is missing.

    Attributes:
        recipe: identity of its captions; `recipe_of` has those of folders with another prompt.
        settings: how it is asked.
        is_served_here: whether the embedded server runs it; `settings.model` is then a hub id
            or a local folder.
        revision: commit of a hub id that is served here, or None.
        api_key: secret of the server, or None.
    """

    recipe: Recipe
    settings: LlmSettings
    is_served_here: bool
    revision: str | None
    api_key: str | None = field(repr=False)

    def recipe_of(self, system_prompt: str | None) -> Recipe:
        """Return the recipe with another system prompt; None is the one of `recipe`."""
        if system_prompt is None:
            return self.recipe
        return replace(self.recipe, values={**self.recipe.values, "system_prompt": system_prompt})

    def connect(self) -> LanguageModel:
        """Return the client; nothing is started or sent yet."""
        if self.is_served_here:
            return LocalLanguageModel(self.settings, revision=self.revision)
        return OpenAiLanguageModel(self.settings, api_key=self.api_key)


def choose_vlm(
    options: Options,
    *,
    system_prompt: str | None,
    folder_prompts: Iterable[str],
    file_hash: FileHash,
    hub_commit: HubCommit,
) -> VlmChoice:
    """Return the VLM that `options` name.

    A model of the hub is loaded at the commit that stands in the recipe, even if its branch has
    moved by then.

    Args:
        options: what the user chose.
        system_prompt: text, or None.
        folder_prompts: prompts that some images have in the place of those of the options.
        file_hash: finds out about local weights.
        hub_commit: finds out about models of the hub.

    Raises:
        ModelError: it is a folder that does not exist or holds no checkpoint, or the hub has none.
    """
    if served_addresses(options.vlm_base_url):
        return _choose_served_vlm(options, system_prompt, folder_prompts)
    source = locate_model(options.model_id)
    checkpoint, revision = _identity(
        source, options.revision, file_hash=file_hash, hub_commit=hub_commit
    )
    recipe = partial(
        vlm_recipe,
        options,
        checkpoint=checkpoint,
        revision=revision,
        system_prompt=system_prompt,
    )
    asked = _Asked(options.prompt, folder_prompts, recipe)
    return VlmChoice(
        prompts=asked.prompts,
        folder_prompts=asked.by_folder,
        settings=VlmSettings(
            model_id=options.model_id if source.folder else source.effective_id,
            revision=options.revision if source.folder else revision,
            trust_remote_code=options.trust_remote_code,
            prompts=asked.texts,
            system_prompt=system_prompt,
            max_new_tokens=options.max_new_tokens,
            num_beams=options.num_beams,
            no_repeat_ngram_size=options.no_repeat_ngram_size,
            min_pixels=options.min_pixels,
            max_pixels=options.max_pixels,
            device=options.device,
            dtype=options.dtype,
            attn_implementation=options.attn_implementation,
            quantization=options.quantization,
            compile=options.compile,
        ),
        warning=source.warning,
    )


def _choose_served_vlm(
    options: Options, system_prompt: str | None, folder_prompts: Iterable[str]
) -> VlmChoice:
    recipe = partial(served_vlm_recipe, options, system_prompt=system_prompt)
    asked = _Asked(options.prompt, folder_prompts, recipe)
    servers = served_addresses(options.vlm_base_url)
    for url in servers:
        Server(url, None, VLM)  # what is no address is said before any work
    return VlmChoice(
        prompts=asked.prompts,
        folder_prompts=asked.by_folder,
        settings=ServedVlmSettings(
            servers=servers,
            model=served_name(options),
            prompts=asked.texts,
            system_prompt=system_prompt,
            budget=PixelBudget(options.min_pixels, served_pixels(options)),
            requests=LlmSettings(
                base_url=None,
                model=served_name(options),
                concurrency=options.concurrency,
                max_tokens=options.max_new_tokens,
                timeout_s=options.llm_timeout_s,
                patience_s=options.llm_patience_s,
                requests_per_minute=options.requests_per_minute,
                tokens_per_minute=options.tokens_per_minute,
            ),
        ),
        warning=None,
    )


class _Asked:
    """The prompts of an option and of folders, each with its recipe.

    Attributes:
        prompts: of the option.
        by_folder: of folders, by text.
        texts: each once.
    """

    def __init__(
        self, option: str, folder_prompts: Iterable[str], recipe: Callable[..., Recipe]
    ) -> None:
        def asked(prompt: VlmPrompt) -> PromptRecipe:
            return PromptRecipe(prompt, recipe(prompt=prompt.text))

        self.prompts = tuple(asked(prompt) for prompt in vlm_prompts(option))
        self.by_folder = {text: asked(VlmPrompt(None, text)) for text in folder_prompts}
        self.texts = tuple(
            dict.fromkeys([*(one.prompt.text for one in self.prompts), *self.by_folder])
        )


def choose_llm(
    options: Options,
    *,
    system_prompt: str | None,
    environment: Mapping[str, str],
    file_hash: FileHash,
    hub_commit: HubCommit,
) -> LlmChoice:
    """Return the LLM that `options` and the environment name.

    A server is used where one is named (`base_url`, `OPENAI_BASE_URL`) or a key is there
    (`OPENAI_API_KEY`) and the model is no local folder; otherwise a local model is served here.

    Raises:
        ModelError: it is a folder that does not exist or holds no checkpoint, or the hub has none.
    """
    base_url = llm_address(options, environment)
    api_key = environment.get("OPENAI_API_KEY") or None
    is_folder = options.model is not None and absolute_path(options.model, option="model").is_dir()
    is_served_here = base_url is None and (api_key is None or is_folder)
    model = options.model or (DEFAULT_LOCAL_LLM if is_served_here else None)
    prompt = system_prompt or DEFAULT_LLM_SYSTEM_PROMPT
    identity, revision = model, None
    if is_served_here:
        source = locate_model(model or DEFAULT_LOCAL_LLM)
        identity, revision = _identity(source, None, file_hash=file_hash, hub_commit=hub_commit)
    return LlmChoice(
        recipe=llm_recipe(
            options,
            model=f"{identity}@{revision}" if revision else identity,
            system_prompt=prompt,
            fit_tokenizer=_tokenizer_identity(options.fit_tokenizer, file_hash),
        ),
        settings=_llm_settings(options, base_url=base_url, model=model),
        is_served_here=is_served_here,
        revision=revision,
        api_key=api_key,
    )


def llm_address(options: Options, environment: Mapping[str, str]) -> str | None:
    """Return the address of the LLM server that is named, or None."""
    return options.base_url or environment.get("OPENAI_BASE_URL") or None


def _llm_settings(options: Options, *, base_url: str | None, model: str | None) -> LlmSettings:
    return LlmSettings(
        base_url=base_url,
        model=model,
        concurrency=options.concurrency,
        max_tokens=options.llm_max_tokens,
        temperature=options.llm_temperature,
        timeout_s=options.llm_timeout_s,
        llm_attempts=options.llm_attempts,
        patience_s=options.llm_patience_s,
        requests_per_minute=options.requests_per_minute,
        tokens_per_minute=options.tokens_per_minute,
    )


def _tokenizer_identity(folder: str | None, file_hash: FileHash) -> str | None:
    if folder is None:
        return None
    path = absolute_path(folder, option="fit_tokenizer")
    if not path.is_dir():
        raise ModelError(f"--fit_tokenizer: {folder} is no folder; name one with a tokenizer.")
    return fingerprint(path, file_hash)


def _identity(
    source: ModelSource, asked: str | None, *, file_hash: FileHash, hub_commit: HubCommit
) -> tuple[str, str | None]:
    """Return what a recipe knows a model by: checkpoint and revision, None for a folder's."""
    if source.folder is not None:
        return fingerprint(source.folder, file_hash), None
    revision = source.effective_revision(asked)
    return source.effective_id, hub_commit(source.effective_id, revision) or revision
