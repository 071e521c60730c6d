"""Images as they are sent to a server: within a budget of pixels, as JPEG, inside the request."""

import base64
import io
import math
from dataclasses import dataclass

from PIL import Image

from capenh_pipeline.models.vlm_pixel_budget import enough_px
from capenh_pipeline.models.vlm_pixels import REDUCING_GAP

JPEG_QUALITY = 92
"""With full colour resolution: no edge of it is to be seen, and a megapixel takes 200 to 500 kB."""

MOST_SIDE_PX = 16_384
"""JPEG ends at 65,535 pixels, and no model looks at a strip of that length."""


@dataclass(frozen=True)
class PixelBudget:
    """How large images are sent; `ImageReader` asks it as it asks a model.

    Attributes:
        least: pixels that smaller images are enlarged to, None where they are not.
        most: pixels that larger ones are reduced to.
        fixed_px: None, because images keep their proportions.
    """

    least: int | None
    most: int
    fixed_px: tuple[int, int] | None = None

    def enough_px(self, width: int, height: int) -> tuple[int, int] | None:
        """Return the size that a larger image is reduced to, None where it is not."""
        return enough_px(width, height, budget=(0, self.most))

    def shrink(self, image: Image.Image) -> Image.Image:
        """Return the image within the budget."""
        size = self._size(*image.size)
        if size == image.size:
            return image
        return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=REDUCING_GAP)

    def _size(self, width: int, height: int) -> tuple[int, int]:
        pixels = width * height
        bounded = min(max(pixels, self.least or 0), self.most)
        scale = min(math.sqrt(bounded / pixels), MOST_SIDE_PX / max(width, height))
        rounded = math.ceil if scale > 1 else math.floor
        return max(1, rounded(width * scale)), max(1, rounded(height * scale))


def data_url(image: Image.Image) -> str:
    """Return an RGB image as a `data:` address (RFC 2397)."""
    content = io.BytesIO()
    image.save(content, "JPEG", quality=JPEG_QUALITY, subsampling="4:4:4")
    return f"data:image/jpeg;base64,{base64.b64encode(content.getbuffer()).decode('ascii')}"
