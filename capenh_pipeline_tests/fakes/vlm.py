"""A VLM that is real and counted, and one that answers at once."""

from collections.abc import Callable, Sequence
from typing import Any

from PIL import Image

from capenh_pipeline.models.base import VisionLanguageModel, VlmReply
from capenh_pipeline.models.vlm import VlmSettings, load_vlm


class CountingLoader:
    """Loads models and counts: `loads`, and `images` that were captioned by any of them."""

    def __init__(self, load: Callable[[VlmSettings], VisionLanguageModel] = load_vlm) -> None:
        self._load = load
        self.loads = 0
        self.images = 0

    def __call__(self, settings: VlmSettings) -> VisionLanguageModel:
        self.loads += 1
        return _CountedVlm(self._load(settings), self)


class _CountedVlm:
    def __init__(self, model: VisionLanguageModel, counter: CountingLoader) -> None:
        self._model = model
        self._counter = counter
        self.effective_model_id = model.effective_model_id
        self.revision = model.revision

    @property
    def preferred_batch_size(self) -> int:
        return self._model.preferred_batch_size

    def prepare(self, images: Sequence[Image.Image]) -> Any:
        return self._model.prepare(images)

    def generate(self, inputs: Any) -> list[VlmReply]:
        replies = self._model.generate(inputs)
        self._counter.images += len(replies)
        return replies

    def close(self) -> None:
        self._model.close()


class ColourVlm:
    """Names the colour of an image's middle pixel, so that a mixed-up row is seen.

    `settings.prompt` stands in front of it. Images for which `fails` is true raise in
    `generate`, as does every batch that is larger than `memory_images`.
    """

    effective_model_id = "colour"
    revision = None
    preferred_batch_size = 4

    def __init__(
        self,
        settings: VlmSettings,
        *,
        fails: Callable[[tuple[int, ...]], bool] = lambda colour: False,
        memory_images: int = 1000,
    ) -> None:
        self._prompt = settings.prompt
        self._fails = fails
        self._memory_images = memory_images
        self.batches: list[int] = []

    def prepare(self, images: Sequence[Image.Image]) -> Any:
        return [image.getpixel((image.width // 2, image.height // 2)) for image in images]

    def generate(self, inputs: Any) -> list[VlmReply]:
        self.batches.append(len(inputs))
        if len(inputs) > self._memory_images:
            raise RuntimeError("CUDA out of memory.")
        if any(self._fails(colour) for colour in inputs):
            raise ValueError("this image cannot be seen")
        return [VlmReply(f"{self._prompt} {colour}", "stop", 3) for colour in inputs]

    def close(self) -> None:
        """Nothing is held."""
