"""From images to what a model reads, for each of its prompts."""

import copy
import threading
from collections.abc import Sequence
from typing import Any

from PIL import Image

from capenh_pipeline.models.vlm_pixel_budget import enough_px, pixel_budget
from capenh_pipeline.models.vlm_pixels import PIXELS, ByteRoute, byte_route, fixed_size
from capenh_pipeline.models.vlm_prompting import Prompting
from capenh_pipeline.models.vlm_tokens import visual_tokens


class VlmInputs:
    """Makes model inputs, in any thread, by the shortest way that gives the processor's own.

    Attributes:
        fixed_px: the width and height that every image gets, None if there is none.
    """

    def __init__(self, processor: Any, promptings: Sequence[Prompting]) -> None:
        self._promptings = promptings
        self._processors = _ProcessorsOfThreads(processor)
        self._visual_tokens = visual_tokens(processor)
        self._budget = pixel_budget(processor.image_processor)
        self._size = fixed_size(processor.image_processor, self._processed)
        self.fixed_px = (self._size.width, self._size.height) if self._size else None
        self._bytes: ByteRoute | None = None
        if self._size:
            self._bytes = byte_route(self._size, self._processed, prompts=len(promptings))

    def enough_px(self, width: int, height: int) -> tuple[int, int] | None:
        """Return the size beyond which an image of this size shows the model no more, or None."""
        return self.fixed_px or enough_px(width, height, budget=self._budget)

    def visual_tokens(self, width: int, height: int) -> int:
        """Return the tokens that an image becomes; 0 where all images become as many."""
        return 0 if self._size else self._visual_tokens(width, height)

    def shrink(self, image: Image.Image) -> Image.Image:
        """Return the image at the size that the model sees, where that is fixed."""
        return self._size.resize(image) if self._size else image

    def make(self, images: Sequence[Image.Image], prompt: int) -> Any:
        """Return one batch of inputs on the CPU, of images and a prompt by its place."""
        if self._bytes:
            return self._bytes.inputs(images, prompt)
        return self._processed([self.shrink(image) for image in images], prompt)

    def moved(self, inputs: Any, *, device: Any, dtype: Any) -> dict[str, Any]:
        """Return inputs as tensors on `device`, numbers with a fraction as `dtype`."""
        tensors = {
            name: value.to(device)
            for name, value in inputs.items()
            if hasattr(value, "is_floating_point") and name != "labels"
        }
        if self._bytes:
            tensors[PIXELS] = self._bytes.numbers(tensors[PIXELS])
        return {
            name: value.to(dtype) if value.is_floating_point() else value
            for name, value in tensors.items()
        }

    def _processed(self, images: Sequence[Image.Image], prompt: int = 0) -> Any:
        return self._promptings[prompt].inputs(self._processors.mine(), images)


class _ProcessorsOfThreads:
    """A processor for each thread.

    Padding is a state of the tokenizer, which processors change while they work: of 400 calls in
    8 threads that shared one, half of them padding, 88 came back padded as another call wished.
    """

    def __init__(self, processor: Any) -> None:
        self._pattern = processor
        self._copying = threading.Lock()
        self._local = threading.local()

    def mine(self) -> Any:
        """Return the calling thread's own processor."""
        if not hasattr(self._local, "processor"):
            with self._copying:
                self._local.processor = copy.deepcopy(self._pattern)
        return self._local.processor
