"""What a VLM is asked about every image: one prompt, or several with names."""

import json
import re
from collections import Counter
from dataclasses import dataclass

from capenh_pipeline.errors import ConfigurationError

_NAMED = re.compile(r"([A-Za-z][A-Za-z0-9_-]{0,31})=(.+)", re.DOTALL)
_TASK = re.compile(r"<([A-Z][A-Z0-9_]*)>")


@dataclass(frozen=True)
class VlmPrompt:
    """One question to the VLM.

    Attributes:
        name: what its captions are called, None where there is one prompt without a name.
        text: what the VLM reads.
    """

    name: str | None
    text: str


def vlm_prompts(option: str) -> tuple[VlmPrompt, ...]:
    """Return the prompts that the option `prompt` holds.

    It is one prompt, or a JSON list of several, each as `TEXT` or `NAME=TEXT`. One of several
    that has no name is called by its task (`<MORE_DETAILED_CAPTION>` is `more_detailed_caption`)
    or by its place (`prompt_2`).

    Raises:
        ConfigurationError: a name or a prompt stands twice, or there is none.
    """
    texts = _texts(option)
    if not texts:
        raise ConfigurationError("--prompt is an empty list; give at least one prompt.")
    named = [_named(text) for text in texts]
    if len(named) == 1:
        return (named[0],)
    prompts = tuple(
        VlmPrompt(prompt.name or _name_of(prompt.text, place), prompt.text)
        for place, prompt in enumerate(named, 1)
    )
    _check_differ(prompts)
    return prompts


def joined_prompts(options: list[str]) -> str:
    """Return the value of the option `prompt` that holds what was given for it several times."""
    texts = [text for option in options for text in _texts(option)]
    return texts[0] if len(texts) == 1 else json.dumps(texts, ensure_ascii=False)


def prompts_for_llm(prompts: tuple[VlmPrompt, ...], chosen: str | None) -> tuple[VlmPrompt, ...]:
    """Return the prompts whose captions the LLM reads.

    Args:
        prompts: all of them.
        chosen: names of some of them, separated by commas; None is all.

    Raises:
        ConfigurationError: there is no prompt of such a name.
    """
    if chosen is None:
        return prompts
    names = [name.strip() for name in chosen.split(",")]
    known = [prompt.name for prompt in prompts if prompt.name]
    for name in names:
        if name not in known:
            raise ConfigurationError(
                f"--llm_captions names {name!r}, but the prompts are called: "
                f"{', '.join(known) or '(they have no names)'}."
            )
    return tuple(prompt for prompt in prompts if prompt.name in names)


def _check_differ(prompts: tuple[VlmPrompt, ...]) -> None:
    # Files are called by the names, also where letter case makes no difference.
    name, count = Counter(str(prompt.name).lower() for prompt in prompts).most_common(1)[0]
    if count > 1:
        raise ConfigurationError(
            f"--prompt has {count} prompts of the name {name!r}; write NAME=PROMPT to tell them "
            "apart."
        )
    text, count = Counter(prompt.text for prompt in prompts).most_common(1)[0]
    if count > 1:
        raise ConfigurationError(f"--prompt has {text!r} twice; one caption by it will do.")


def _texts(option: str) -> list[str]:
    if option.lstrip().startswith("["):
        try:
            values = json.loads(option)
        except ValueError:
            return [option]
        if all(isinstance(value, str) for value in values):
            return values
    return [option]


def _named(text: str) -> VlmPrompt:
    found = _NAMED.fullmatch(text)
    return VlmPrompt(found[1], found[2]) if found else VlmPrompt(None, text)


def _name_of(text: str, place: int) -> str:
    task = _TASK.fullmatch(text)
    return task[1].lower() if task else f"prompt_{place}"
