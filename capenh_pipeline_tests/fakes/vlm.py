"""A VLM that is real and counted, and one that answers at once."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from PIL import Image

from capenh_pipeline.models.base import Generation, VisionLanguageModel, VlmReply
from capenh_pipeline.models.vlm import load_vlm
from capenh_pipeline.models.vlm_settings import VlmSettings


@lru_cache(maxsize=4)
def kept_vlm(settings: VlmSettings) -> "_KeptVlm":
    """Load a real VLM, once for all runs of this process: another second of each is too much."""
    return _KeptVlm(load_vlm(settings))


class _KeptVlm:
    def __init__(self, model: VisionLanguageModel) -> None:
        self._model = model

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def stop(self) -> None:
        kept_vlm.cache_clear()  # it captions nothing any more
        self._model.stop()

    def close(self) -> None:
        """The next run has it."""


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

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def generate(self, inputs: Any, generation: Generation) -> list[VlmReply]:
        replies = self._model.generate(inputs, generation)
        self._counter.images += len(replies)
        return replies


class ColourVlm:
    """Names the colour of an image's middle pixel, so that a mixed-up row is seen.

    The prompt stands in front of it. Images for which `fails` is true raise in
    `generate`, as does every batch that is larger than `memory_images`.
    """

    effective_model_id = "colour"
    revision = None
    batch_sizes = (4, 4)
    fixed_px = None

    def __init__(
        self,
        settings: VlmSettings,
        *,
        fails: Callable[[tuple[int, ...]], bool] = lambda colour: False,
        memory_images: int = 1000,
        lanes: int = 1,
    ) -> None:
        self._prompts = settings.prompts
        self._fails = fails
        self._memory_images = memory_images
        self.lanes = lanes
        self.preparing = 1
        self.batches: list[int] = []
        self.is_stopped = False

    def effective_options(self, generation: Generation) -> Mapping[str, Any]:
        return {"no_repeat_ngram_size": generation.no_repeat_ngram_size or 0}

    def has_room_for_double(self) -> bool:
        return True

    def enough_px(self, width: int, height: int) -> tuple[int, int] | None:
        return None

    def visual_tokens(self, width: int, height: int) -> int:
        return 0

    def shrink(self, image: Image.Image) -> Image.Image:
        return image

    def prepare(self, images: Sequence[Image.Image], prompt: int) -> Any:
        text = self._prompts[prompt]
        return [(text, image.getpixel((image.width // 2, image.height // 2))) for image in images]

    def generate(self, inputs: Any, generation: Generation) -> list[VlmReply]:
        self.batches.append(len(inputs))
        if len(inputs) > self._memory_images:
            raise RuntimeError("CUDA out of memory.")
        if any(self._fails(colour) for _, colour in inputs):
            raise ValueError("this image cannot be seen")
        return [self.reply(f"{prompt} {colour}", generation) for prompt, colour in inputs]

    def reply(self, text: str, generation: Generation) -> VlmReply:
        """Return what is said; a test may say something else."""
        return VlmReply(text, "stop", 3)

    def stop(self) -> None:
        self.is_stopped = True

    def close(self) -> None:
        """Nothing is held."""
