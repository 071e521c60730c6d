"""Asks the two demo models directly, in batches, to measure them.

The pipeline itself asks them through `capenh_pipeline.models`, as it asks any other model.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from capenh_pipeline.demo.merge_llm import prompt_of

_BATCH = 50


class Captioner:
    """The VLM in `folder`, in float32."""

    def __init__(self, folder: Path) -> None:
        import torch
        from transformers import AutoModelForImageTextToText, AutoProcessor

        self._processor: Any = AutoProcessor.from_pretrained(folder)
        model: Any = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32)
        self._model = model.eval()

    def captions(self, files: Sequence[Path], task: str) -> list[str]:
        """Return what the model answers to `task` for each image file."""
        return [text for some in _batches(files) for text in self._caption(some, task)]

    def _caption(self, files: Sequence[Path], task: str) -> list[str]:
        images = [_opened(file) for file in files]
        inputs = self._processor(text=[task] * len(images), images=images, return_tensors="pt")
        tokens = self._model.generate(**inputs, do_sample=False)
        return self._processor.batch_decode(tokens, skip_special_tokens=True)


class Merger:
    """The merge LLM in `folder`, in float32."""

    def __init__(self, folder: Path) -> None:
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        self._tokenizer: Any = AutoTokenizer.from_pretrained(folder)
        model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
        self._model = model.eval()

    def merged(self, user_messages: Sequence[str]) -> list[str]:
        """Return what the model answers to each user message."""
        return [text for some in _batches(user_messages) for text in self._merge(some)]

    def _merge(self, user_messages: Sequence[str]) -> list[str]:
        prompts = [prompt_of(self._tokenizer, message) for message in user_messages]
        inputs = self._tokenizer(
            prompts, return_tensors="pt", padding=True, add_special_tokens=False
        )
        tokens = self._model.generate(
            input_ids=inputs.input_ids, attention_mask=inputs.attention_mask
        )
        answers = tokens[:, inputs.input_ids.shape[1] :]
        return self._tokenizer.batch_decode(answers, skip_special_tokens=True)


def _opened(file: Path) -> Image.Image:
    with Image.open(file) as image:
        return image.convert("RGB")


def _batches(rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(rows), _BATCH):
        yield rows[start : start + _BATCH]
