"""A VLM that takes note of how long its callers spend where."""

import threading
import time
from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

from PIL import Image

from capenh_pipeline.models.base import Generation, VisionLanguageModel, VlmReply


class TimedVlm:
    """A loaded model that outlives the stage.

    Attributes:
        first_caption: `time.time` when the first batch was captioned, or None.
    """

    def __init__(self, model: VisionLanguageModel) -> None:
        self._model = model
        self._lock = threading.Lock()
        self._decoding = threading.local()
        self._seconds: Counter[str] = Counter()
        self.first_caption: float | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def seconds(self) -> dict[str, float]:
        """Return the seconds of all threads together, by what they did."""
        return {name: round(value, 2) for name, value in self._seconds.items()}

    def forget(self) -> None:
        """Begin anew."""
        self._seconds.clear()

    def enough_px(self, width: int, height: int) -> tuple[int, int] | None:
        """Return the model's answer; an image is decoded from here to `shrink`."""
        self._decoding.began = time.perf_counter()
        return self._model.enough_px(width, height)

    def shrink(self, image: Image.Image) -> Image.Image:
        with self._lock:
            self._seconds["decode"] += time.perf_counter() - self._decoding.began
        with self._timed("resize"):
            return self._model.shrink(image)

    def prepare(self, images: Sequence[Image.Image], prompt: int) -> Any:
        with self._timed("prepare"):
            return self._model.prepare(images, prompt)

    def generate(self, inputs: Any, generation: Generation) -> list[VlmReply]:
        with self._timed("generate"):
            replies = self._model.generate(inputs, generation)
        self.first_caption = self.first_caption or time.time()
        return replies

    def close(self) -> None:
        """It is used again."""

    def unload(self) -> None:
        """Now it is not."""
        self._model.close()

    @contextmanager
    def _timed(self, name: str) -> Generator[None]:
        began = time.perf_counter()
        yield
        with self._lock:
            self._seconds[name] += time.perf_counter() - began
