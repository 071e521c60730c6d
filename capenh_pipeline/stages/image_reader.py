"""Images on their way to the model: decoded, and no larger than it needs them."""

from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from capenh_pipeline.dataset.images import decoded_bytes, load_image
from capenh_pipeline.models.base import VisionLanguageModel
from capenh_pipeline.stages.memory_bound import MemoryBound

MOST_DECODED_BYTES = 1 << 30
"""Memory of all images that are being decoded at a time."""

RGB_BYTES = 3


@dataclass(frozen=True)
class ImageFile:
    """An image and the content that it must have.

    Attributes:
        image_hash: SHA-256 of its bytes.
        path: where they are.
        width: in pixels, as `height`.
    """

    image_hash: str
    path: Path
    width: int
    height: int


class ImageReader:
    """Reads images for one model, in any thread, within a bound of memory."""

    def __init__(self, model: VisionLanguageModel, *, background: str, timeout_s: float) -> None:
        self._model = model
        self._background = background
        self._timeout_s = timeout_s
        self._memory = MemoryBound(MOST_DECODED_BYTES)

    def read(self, file: ImageFile) -> Image.Image:
        """Return the image as the model wants it.

        Raises:
            RowError: it cannot be read, or is not what it was (`dataset.images.load_image`).
        """
        with self._memory.taken(decoded_bytes(file.width, file.height)):
            image = load_image(
                file.path,
                image_hash=file.image_hash,
                background=self._background,
                enough_px=self._model.enough_px(file.width, file.height),
                timeout_s=self._timeout_s,
            )
            return self._model.shrink(image)

    def held_bytes(self, file: ImageFile) -> int:
        """Return what the image takes from when it was read until it was captioned."""
        width, height = self._model.enough_px(file.width, file.height) or (file.width, file.height)
        return RGB_BYTES * width * height
