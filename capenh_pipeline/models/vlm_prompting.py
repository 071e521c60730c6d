"""How a VLM is asked: a Florence-2 task, chat turns, or a raw prompt."""

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
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

_TASK = re.compile(r"<[A-Z][A-Z0-9_]*>")


class Prompting(Protocol):
    """Turns images and one prompt into model inputs."""

    def inputs(self, processor: Any, images: Sequence[Image.Image]) -> Any:
        """Return one batch of inputs as torch tensors, padded to the longest prompt."""
        ...


@dataclass(frozen=True)
class RawPrompt:
    """The same text for every image."""

    text: str

    def inputs(self, processor: Any, images: Sequence[Image.Image]) -> Any:
        """Return one batch of inputs."""
        return processor(
            text=[self.text] * len(images),
            images=[[image] for image in images],
            return_tensors="pt",
            padding=True,
        )


@dataclass(frozen=True)
class ChatTurns:
    """A conversation for every image: a system turn perhaps, and a user turn with the image.

    Attributes:
        user_text: what stands in the user turn after the image.
        system_content: content of the system turn, or None for no such turn.
    """

    user_text: str
    system_content: str | list[dict[str, str]] | None = None

    def inputs(self, processor: Any, images: Sequence[Image.Image]) -> Any:
        """Return one batch of inputs."""
        return processor.apply_chat_template(
            [self._turns({"type": "image", "image": image}) for image in images],
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
            processor_kwargs={"padding": True},
        )

    def text(self, processor: Any, *, with_image: bool = True) -> str | None:
        """Return the prompt as the model reads it; None where the template rejects the turns."""
        from jinja2 import TemplateError

        turns = self._turns({"type": "image"} if with_image else None)
        try:
            text = processor.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)
        except (TemplateError, TypeError, ValueError):
            return None
        # A template made for plain strings prints the parts of a turn as Python code.
        return None if "'type':" in text else text

    def _turns(self, image: dict[str, Any] | None) -> list[dict[str, Any]]:
        parts = [*([image] if image else []), {"type": "text", "text": self.user_text}]
        user = {"role": "user", "content": parts}
        if self.system_content is None:
            return [user]
        return [{"role": "system", "content": self.system_content}, user]


def choose_prompting(
    processor: Any, model_type: str, *, prompt: str, system_prompt: str | None
) -> Prompting:
    """Return the way to ask this model.

    Raises:
        ConfigurationError: a Florence-2 model does not know the prompt.
    """
    is_florence = model_type == "florence2"
    if not is_florence and _takes_chat_turns(processor):
        _warn_of_task_token(prompt)
        return _chat_turns(processor, prompt, system_prompt)
    if system_prompt:
        logger.warning("The VLM takes no system prompt (%s): it is left out.", model_type)
    if is_florence:
        check_florence_task(processor, prompt)
        return RawPrompt(prompt)
    _warn_of_task_token(prompt)
    return RawPrompt(_raw_text(model_type, prompt))


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


def _takes_chat_turns(processor: Any) -> bool:
    """Return whether there is a chat template with a place for the image."""
    if getattr(processor, "chat_template", None) is None:
        processor.chat_template = getattr(processor.tokenizer, "chat_template", None)
    if processor.chat_template is None:
        return False
    turns = ChatTurns("?")
    text = turns.text(processor)
    return text is not None and text != turns.text(processor, with_image=False)


def _chat_turns(processor: Any, prompt: str, system_prompt: str | None) -> ChatTurns:
    """Return turns in which the system prompt reaches the model, in the user turn if need be."""
    if not system_prompt:
        return ChatTurns(prompt)
    for content in ([{"type": "text", "text": system_prompt}], system_prompt):
        turns = ChatTurns(prompt, content)
        if system_prompt.strip() in (turns.text(processor) or ""):
            return turns
    return ChatTurns(f"{system_prompt}\n\n{prompt}")


def _raw_text(model_type: str, prompt: str) -> str:
    if "<image>" in prompt:
        return prompt
    return _RAW_FORMATS.get(model_type, "{prompt}").replace("{prompt}", prompt)


def _warn_of_task_token(prompt: str) -> None:
    if prompt.startswith("<") and prompt.endswith("_CAPTION>"):
        logger.warning(
            "%s is a task of Florence-2 and plain text to this model: give it a --prompt.", prompt
        )
