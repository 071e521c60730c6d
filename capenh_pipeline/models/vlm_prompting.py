"""How a VLM is asked: a Florence-2 task, chat turns, or a raw prompt."""

import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from PIL import Image

from capenh_pipeline.errors import ConfigurationError

logger = logging.getLogger(__name__)

# What stands around the prompt in models that were trained without a chat template
# (https://huggingface.co/docs/transformers/model_doc/paligemma and .../llava).
_RAW_FORMATS = {
    "paligemma": "<image>{prompt}",
    "llava": "USER: <image>\n{prompt} ASSISTANT:",
    "vipllava": "USER: <image>\n{prompt} ASSISTANT:",
}

_Content = str | list[dict[str, str]]

_TASK = re.compile(r"<[A-Z][A-Z0-9_]*>")


class Prompting(Protocol):
    """Turns images and one prompt into model inputs."""

    def inputs(self, processor: Any, images: Sequence[Image.Image]) -> Any:
        """Return one batch of inputs as torch tensors, padded to the longest prompt."""
        ...


@dataclass(frozen=True)
class RawPrompt:
    """The same text for every image.

    Attributes:
        text: all that the model reads, but for the tokens of the image.
        is_complete: whether the tokenizer's own start token stands in it already.
    """

    text: str
    is_complete: bool = False

    def inputs(self, processor: Any, images: Sequence[Image.Image]) -> Any:
        """Return one batch of inputs."""
        return processor(
            text=[self.text] * len(images),
            images=[[image] for image in images],
            return_tensors="pt",
            padding=True,
            **({"add_special_tokens": False} if self.is_complete else {}),
        )


def choose_prompting(
    processor: Any, model_type: str, *, prompt: str, system_prompt: str | None
) -> Prompting:
    """Return the way to ask this model.

    Raises:
        ConfigurationError: a Florence-2 model does not know the prompt.
    """
    if model_type == "florence2":
        _warn_of_system_prompt(model_type, system_prompt)
        check_florence_task(processor, prompt)
        return RawPrompt(prompt)
    warn_of_task_token(prompt)
    text = _chat_text(processor, prompt, system_prompt)
    if text is None:
        _warn_of_system_prompt(model_type, system_prompt)
        return RawPrompt(_raw_text(model_type, prompt))
    start = processor.tokenizer.bos_token
    return RawPrompt(text, is_complete=start is not None and text.startswith(start))


def check_florence_task(processor: Any, prompt: str) -> None:
    """Refuse a prompt that a Florence-2 cannot follow: it knows fixed tasks that stand alone.

    A task that the processor does not know may be one that a fine-tuned checkpoint was taught.

    Raises:
        ConfigurationError: the prompt is no task, or one whose answer is no plain text.
    """
    kinds = processor.tasks_answer_post_processing_type
    tasks = [task for task in processor.task_prompts_without_inputs if kinds[task] == "pure_text"]
    if prompt in tasks:
        return
    known = ", ".join(tasks)
    if prompt in kinds or not _TASK.fullmatch(prompt):
        raise ConfigurationError(
            f"--prompt is {prompt!r}, but a Florence-2 model captions by tasks only: {known}."
        )
    logger.warning("%s is no task of Florence-2 itself (%s); it is asked as it is.", prompt, known)


@dataclass(frozen=True)
class _Chat:
    """A chat template with a form of user turn that it may understand.

    Attributes:
        content: makes the content of a user turn, of its text and of whether there is an image.
    """

    tokenizer: Any
    template: str
    content: Callable[[str, bool], _Content]

    def text(
        self, prompt: str, *, system: _Content | None = None, with_image: bool = True
    ) -> str | None:
        """Return what the model reads; None where the template cannot make it of such turns."""
        from jinja2 import TemplateError

        turns: list[dict[str, Any]] = [
            {"role": "user", "content": self.content(prompt, with_image)}
        ]
        if system is not None:
            turns.insert(0, {"role": "system", "content": system})
        try:
            text = self.tokenizer.apply_chat_template(
                turns, chat_template=self.template, add_generation_prompt=True, tokenize=False
            )
        except (TemplateError, TypeError, ValueError):
            return None
        parts = [part for turn in turns for part in turn["content"] if isinstance(part, dict)]
        # A template made for plain strings prints the parts of a turn as Python code.
        return None if any(str(part) in text for part in parts) else text

    def shows_image(self, image_token: str | None) -> bool:
        """Return whether the model would read that there is an image."""
        text = self.text("?")
        if text is None:
            return False
        return (image_token or "\0") in text or text != self.text("?", with_image=False)


def _chat_text(processor: Any, prompt: str, system_prompt: str | None) -> str | None:
    """Return the chat about one image; None without a template that has a place for it.

    The system prompt joins the prompt where the template rejects or drops a turn for it.
    """
    chat = _chat(processor)
    if chat is None:
        return None
    if not system_prompt:
        return chat.text(prompt)
    for content in ([{"type": "text", "text": system_prompt}], system_prompt):
        text = chat.text(prompt, system=content)
        if text and system_prompt.strip() in text:
            return text
    return chat.text(f"{system_prompt}\n\n{prompt}")


def _chat(processor: Any) -> _Chat | None:
    """Return the processor's chat template with the form of turn that it understands.

    Most templates take a turn in parts, of which the image is one. Others take strings, and put
    the image into them on their own (JoyCaption), or know of no images, as they are those of the
    language model: there the token of the image goes before the text.
    """
    template = getattr(processor, "chat_template", None)
    template = template or getattr(processor.tokenizer, "chat_template", None)
    if isinstance(template, dict):  # several of them by name
        template = template.get("default")
    if template is None:
        return None
    token = getattr(processor, "image_token", None)
    forms = [_parts, _string, *([partial(_string_with_token, str(token))] if token else [])]
    chats = (_Chat(processor.tokenizer, template, form) for form in forms)
    return next((chat for chat in chats if chat.shows_image(token and str(token))), None)


def _parts(text: str, with_image: bool) -> _Content:
    return [*([{"type": "image"}] if with_image else []), {"type": "text", "text": text}]


def _string(text: str, _with_image: bool) -> _Content:
    return text


def _string_with_token(token: str, text: str, with_image: bool) -> _Content:
    return f"{token}\n{text}" if with_image else text


def _raw_text(model_type: str, prompt: str) -> str:
    if "<image>" in prompt:
        return prompt
    return _RAW_FORMATS.get(model_type, "{prompt}").replace("{prompt}", prompt)


def _warn_of_system_prompt(model_type: str, system_prompt: str | None) -> None:
    if system_prompt:
        logger.warning("The VLM takes no system prompt (%s): it is left out.", model_type)


def warn_of_task_token(prompt: str) -> None:
    """Tell the user if a model that is no Florence-2 is asked a task of it."""
    if prompt.startswith("<") and prompt.endswith("_CAPTION>"):
        logger.warning(
            "%s is a task of Florence-2 and plain text to this model: give it a --prompt.", prompt
        )
