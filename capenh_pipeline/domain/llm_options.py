"""Options of the combined captions: the LLM, what its answers must be, and what it may cost."""

import re
from dataclasses import dataclass

from capenh_pipeline.domain.option import option
from capenh_pipeline.errors import ConfigurationError

DEFAULT_LOCAL_LLM = "Qwen/Qwen3-4B-Instruct-2507"


def check_address(url: str | None, *, option: str, instead: str) -> None:
    """Refuse an address with a password or a key in it, without showing it.

    Options are shown: by the launchpad, in the records of runs, in commands to copy.

    Args:
        url: the address, or several.
        option: that it is the value of.
        instead: what to do.

    Raises:
        ConfigurationError: it names a user, or has a query.
    """
    if url and re.search("[@?]", url):
        raise ConfigurationError(
            f"--{option} holds a user, a password or a query, and options are shown to everybody: "
            f"{instead}."
        )


@dataclass(frozen=True)
class LlmOptions:
    """What a user can choose about the large language model."""

    base_url: str | None = option(
        None,
        "OpenAI-compatible LLM server, as http://127.0.0.1:8000/v1; "
        "without it (and without OPENAI_BASE_URL or OPENAI_API_KEY) a local model is served here.",
        group="LLM",
        metavar="URL",
    )
    model: str | None = option(
        None,
        "LLM by the name the server knows (by default its only one); "
        f"without a server a Hugging Face id or a local folder (by default {DEFAULT_LOCAL_LLM}).",
        group="LLM",
    )
    llm_system_prompt: str | None = option(
        None, "Text file with a system prompt for the LLM.", group="LLM", metavar="FILE"
    )
    llm_captions: str | None = option(
        None,
        "Names of the VLM captions that the LLM sees, separated by commas; by default all.",
        group="LLM",
        metavar="NAMES",
    )
    concurrency: int = option(
        16,
        "Requests in flight to the LLM server, and to each server of the VLM.",
        group="LLM",
        minimum=1,
    )
    llm_max_tokens: int = option(
        1024, "Longest answer of the LLM, in tokens, reasoning included.", group="LLM", minimum=1
    )
    llm_temperature: float = option(0.0, "Sampling temperature of the LLM.", group="LLM", minimum=0)
    llm_timeout_s: float = option(
        120.0,
        "Seconds that one request to a server may take, also to one of the VLM.",
        group="LLM",
        minimum=0.001,
    )
    requests_per_minute: int | None = option(
        None,
        "Requests to the LLM server a minute, at most; all processes of a machine share them.",
        group="LLM",
        minimum=1,
    )
    tokens_per_minute: int | None = option(
        None, "The same for tokens, those of prompts and answers.", group="LLM", minimum=1
    )
    llm_patience_s: float = option(
        600.0,
        "Seconds to wait for a server that has stopped answering before the run ends, also for "
        "those of the VLM.",
        group="LLM",
        minimum=0,
    )


@dataclass(frozen=True)
class FusionOptions:
    """What a user can choose about combined captions, and how far answers are trusted."""

    llm_attempts: int = option(
        3,
        "Answers that the LLM is asked for, each after it was told what is wrong with the last.",
        group="Combined captions",
        minimum=1,
    )
    on_rejected: str = option(
        "join",
        "A caption for which no answer is good enough is joined from the manual and the VLM "
        "caption and marked as a fallback, or fails.",
        group="Combined captions",
        choices=("join", "fail"),
    )
    min_retention: float = option(
        0.8,
        "Share of the manual caption's facts (names, numbers, quoted words, nouns) that an answer "
        "must keep, 0 to 1.",
        group="Combined captions",
        minimum=0,
    )
    min_support: float = option(
        0.7,
        "Share of an answer's words that the manual or a VLM caption must support, 0 to 1.",
        group="Combined captions",
        minimum=0,
    )
    skip_gates: str | None = option(
        None,
        "Names of faults that are let through, separated by commas: the error_kind that they "
        "would have, or all.",
        group="Combined captions",
        metavar="NAMES",
    )
    caption_language: str | None = option(
        None,
        "Language that combined captions must be in, as en, de, zh; by default any.",
        group="Combined captions",
        metavar="CODE",
    )
    trigger_word: str | None = option(
        None, "Word that every combined caption file has to hold.", group="Combined captions"
    )
    locked_terms: str | None = option(
        None,
        "Text file of words, one a line, that stay in a combined caption as they are written "
        "there if the manual caption has them.",
        group="Combined captions",
        metavar="FILE",
    )
    max_words: int | None = option(
        None, "Longest combined caption, in words.", group="Combined captions", minimum=1
    )
    fit: str | None = option(
        None,
        "Longest combined caption by what a text encoder reads: 77, 512 or 1024 tokens.",
        group="Combined captions",
        choices=("clip", "t5", "qwen"),
    )
    fit_tokenizer: str | None = option(
        None,
        "Folder with the tokenizer of that text encoder; without it tokens are estimated.",
        group="Combined captions",
        metavar="DIR",
    )
    folder_prompts: bool = option(
        False,
        "For the images below them, prompt.txt takes the place of --prompt and llm_prompt.txt of "
        "the LLM's system prompt; the nearest counts.",
        group="Combined captions",
    )


@dataclass(frozen=True)
class CostOptions:
    """What a user can choose about money."""

    price_in: float | None = option(
        None, "Price of a million tokens that the LLM reads.", group="Cost", minimum=0
    )
    price_out: float | None = option(
        None, "Price of a million tokens that the LLM writes.", group="Cost", minimum=0
    )
    max_tokens_total: int | None = option(
        None,
        "Stop before a run has used more tokens of the LLM, read and written.",
        group="Cost",
        minimum=1,
    )
    max_cost: float | None = option(
        None, "Stop before a run has cost more, by the two prices.", group="Cost", minimum=0
    )
